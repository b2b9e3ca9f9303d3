"""Orders to test with, and the orders application on a database of its own."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from pymongo import MongoClient
from pymongo.database import Database

from services.orders import PUBLISHES, documents
from services.orders.app import create_app
from services.orders.customer_lookup import Ask, Unanswered
from services.orders.model import Order
from services.orders.repository.copies import CustomerCopyRepository
from services.orders.repository.orders import OrderRepository
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.identifiers import new_id
from shared.settings import Settings
from tests.support import databases
from tests.support.browsers import browsers

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


class Customers:
    """Stands where the customers service is asked: who exists there, and what it was asked for."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.silent = False
        self.questions: list[list[str]] = []

    def lookup(self, ids: Sequence[str]) -> Collection[str]:
        """Who of `ids` exists."""
        self.questions.append(list(ids))
        if self.silent:
            raise Unanswered("ConnectionError")
        return self.known.intersection(ids)

    def join(self) -> str:
        """The id of somebody new."""
        id = new_id()
        self.known.add(id)
        return id


@pytest.fixture
def now() -> datetime:
    """The time at which the tests' orders are placed."""
    return NOW


@pytest.fixture
def make_order() -> Callable[..., Order]:
    """`make_order(**details)`: an order as placed; one line of two pieces unless given."""

    def make(**details: Any) -> Order:
        line = {"sku": "85123A", "quantity": 2, "unit_price": Decimal("2.55")}
        usual: dict[str, Any] = {
            "id": new_id(),
            "now": NOW,
            "currency": "GBP",
            "lines": [line],
        }
        return Order.place(**usual | details)

    return make


@pytest.fixture
def make_body() -> Callable[..., dict[str, Any]]:
    """`make_body(**fields)`: the JSON of an order to place; one line of two pieces unless given."""

    def make(**fields: Any) -> dict[str, Any]:
        line = {
            "sku": "85123A",
            "description": "T-LIGHT HOLDER",
            "quantity": 2,
            "unit_price": "2.55",
        }
        return {"currency": "GBP", "placed_at": NOW.isoformat(), "lines": [line]} | fields

    return make


@pytest.fixture
def database(client: MongoClient[Document], settings: Settings) -> Database[Document]:
    """The orders database, built, with its rules and indexes."""
    return databases.built(client, settings, "orders", documents.COLLECTIONS)


@pytest.fixture
def orders(database: Database[Document]) -> OrderRepository:
    """The order book."""
    return OrderRepository(database, PUBLISHES)


@pytest.fixture
def copies(database: Database[Document]) -> CustomerCopyRepository:
    """The copies of customers."""
    return CustomerCopyRepository(database)


@pytest.fixture
def customers() -> Customers:
    """What the customers service would say."""
    return Customers()


@pytest.fixture
def http_as(
    database: Database[Document],
    client: MongoClient[Document],
    settings: Settings,
    verifier: TokenVerifier,
    headers: Callable[[str], dict[str, str]],
    customers: Customers,
) -> Callable[..., FlaskClient]:
    """`http_as(role)`: a client of the application, signed in, or not if the role is None."""
    assert database.name.endswith("orders")
    ask: Ask = customers.lookup
    app = create_app(settings, client=client, verifier=verifier, ask=ask)
    return browsers(app, headers)


@pytest.fixture
def http(http_as: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of the application, signed in as sales."""
    return http_as("sales")
