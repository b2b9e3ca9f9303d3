"""The tests of the routes that need no server, run again on a database in memory."""

import pytest
from flask import Flask
from pymongo.database import Database

from services.customers import documents
from services.customers.app import create_app
from shared.auth.keyring import Keyring, Published
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.settings import load
from tests.services.customers.routes import (
    test_customers,
    test_customers_changes,
    test_customers_idempotency,
    test_journal,
)
from tests.support.in_memory import in_memory

NEEDS_SERVER = {
    # Which rule of uniqueness was broken is not said in memory.
    "test_an_address_belongs_to_one",
    "test_an_address_belongs_to_one_however_it_is_typed",
    "test_an_external_id_belongs_to_one",
    # A deletion is an update by pipeline, with operators that are missing in memory.
    "test_needs_the_version",
    "test_whom_it_registered_does_not_come_back_when_deleted",
    # Of two changes at the same moment both find the version that only one may.
    "test_twenty_at_once_with_one_version_make_one_change",
    "test_on_any_version_loses_none_of_twenty_at_once",
    "test_many_at_once_make_one_customer",
}


class TestRegister(test_customers.TestRegister):
    pass


class TestGet(test_customers.TestGet):
    pass


class TestChange(test_customers_changes.TestChange):
    pass


class TestIdempotency(test_customers_idempotency.TestIdempotency):
    pass


class TestCorrect(test_journal.TestCorrect):
    pass


@pytest.fixture(scope="module")
def app(built: Database[Document], published: Published) -> Flask:
    """The application on the database in memory."""
    verifier = TokenVerifier(Keyring(lambda: published))
    return create_app(load(), client=built.client, verifier=verifier)


@pytest.fixture(scope="module")
def built() -> Database[Document]:
    """The customers database, in memory."""
    return in_memory(f"{load().database_prefix}_customers", documents.COLLECTIONS)
