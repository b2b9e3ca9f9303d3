"""The tests of the routes that need no server, run again on a database in memory."""

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from services.orders import documents
from shared.document import Document
from shared.settings import Settings, load
from tests.services.orders import test_routes as routes
from tests.support.in_memory import in_memory

NEEDS_SERVER = {
    # Copies of customers are kept by bulk updates, which the database in memory lacks.
    "test_a_customer_with_a_copy_is_not",
    "test_a_deleted_customer_is_refused",
    "test_a_repeated_request_outlives_its_customer",
    # It refuses the sorting by which pages are made.
    "test_pages_newest_first",
    "test_finds_by_number_source_and_time",
    "test_a_cursor_is_for_its_own_filters",
}


class TestPlaceOrder(routes.TestPlaceOrder):
    pass


class TestCustomersOfOrders(routes.TestCustomersOfOrders):
    pass


class TestSteps(routes.TestSteps):
    pass


class TestGetOrder(routes.TestGetOrder):
    pass


class TestSearchOrders(routes.TestSearchOrders):
    pass


class TestRoles(routes.TestRoles):
    pass


@pytest.fixture
def settings() -> Settings:
    """Settings that lead to no server."""
    return load()


@pytest.fixture
def client(database: Database[Document]) -> MongoClient[Document]:
    """The client of the database in memory."""
    return database.client


@pytest.fixture
def database(settings: Settings) -> Database[Document]:
    """The orders database, in memory."""
    return in_memory(f"{settings.database_prefix}_orders", documents.COLLECTIONS)
