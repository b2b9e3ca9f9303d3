"""The tests of the routes that need no server, run again on a database in memory."""

import pytest
from flask import Flask
from pymongo.database import Database

from services.accounts import documents
from services.accounts.app import create_app
from shared.document import Document
from shared.settings import load
from tests.services.accounts import test_routes as routes
from tests.support.in_memory import in_memory

NEEDS_SERVER = {
    # Pages begin at a bound of an index (`min`), which the database in memory lacks.
    "test_walks_everybody_once",
    # Of two changes at the same moment both find the version that only one may.
    "test_many_at_once_with_one_version_make_one_change",
}


class TestRegister(routes.TestRegister):
    pass


class TestPasswords(routes.TestPasswords):
    pass


class TestGet(routes.TestGet):
    pass


class TestList(routes.TestList):
    pass


@pytest.fixture(scope="module")
def app(built: Database[Document]) -> Flask:
    """The application on the database in memory."""
    return create_app(load(), client=built.client)


@pytest.fixture(scope="module")
def built() -> Database[Document]:
    """The accounts database, in memory."""
    return in_memory(f"{load().database_prefix}_accounts", documents.COLLECTIONS)
