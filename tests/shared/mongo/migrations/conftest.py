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
def built(connection: MongoClient[Document], installation: Settings) -> Database[Document]:
    """The database, built once for all tests of a file."""
    made = service_database(connection, installation, "workshop")
    list(build(made, COLLECTIONS))
    return made


@pytest.fixture
def database(built: Database[Document]) -> Iterator[Database[Document]]:
    """The database, empty."""
    yield built
    for collection in COLLECTIONS:
        built[collection.name].delete_many({})


@pytest.fixture
def records(database: Database[Document]) -> Records:
    """The records of its migrations."""
    return Records(database)
