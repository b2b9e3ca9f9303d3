"""A database of toys."""

from collections.abc import Iterator

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from shared.document import Document
from shared.mongo.client import service_database
from shared.mongo.collections import build
from shared.mongo.migrations.records import Records
from shared.settings import Settings
from tests.support.toys import COLLECTIONS


@pytest.fixture(scope="module")
def workshop(connection: MongoClient[Document], installation: Settings) -> Database[Document]:
    """The database, built once for all tests of a file."""
    made = service_database(connection, installation, "workshop")
    list(build(made, COLLECTIONS))
    return made


@pytest.fixture
def shop(workshop: Database[Document]) -> Iterator[Database[Document]]:
    """The database, empty."""
    yield workshop
    for collection in COLLECTIONS:
        workshop[collection.name].delete_many({})


@pytest.fixture
def records(shop: Database[Document]) -> Records:
    """The records of its migrations."""
    return Records(shop)
