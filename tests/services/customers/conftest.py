"""Customers to test with, and their application on a database that each test finds empty."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from pymongo.database import Database

from services.customers import PUBLISHES, documents
from services.customers.app import create_app
from services.customers.model.customers import Customer
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from services.customers.repository.ledger import LedgerRepository
from shared.auth.keyring import Keyring, Published
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.identifiers import new_id
from shared.settings import Settings
from tests.support import databases
from tests.support.browsers import browsers

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """The time at which the tests' customers are registered."""
    return NOW


@pytest.fixture
def make_customer() -> Callable[..., Customer]:
    """`make_customer(**details)`: a customer as registered, called Lee unless given."""

    def make(**details: Any) -> Customer:
        usual: dict[str, Any] = {"id": new_id(), "now": NOW, "last_name": "Lee"}
        return Customer.new(**usual | details)

    return make


@pytest.fixture
def http(http_as: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of the application, signed in as sales."""
    return http_as("sales")


@pytest.fixture
def http_as(
    app: Flask, database: Database[Document], headers: Callable[[str], dict[str, str]]
) -> Callable[..., FlaskClient]:
    """`http_as(role)`: a client of the application, signed in, or not if the role is None."""
    assert database.name.endswith("customers")
    return browsers(app, headers)


@pytest.fixture
def customers(database: Database[Document]) -> CustomerRepository:
    """The customers."""
    return CustomerRepository(database, PUBLISHES)


@pytest.fixture
def ledger(database: Database[Document]) -> LedgerRepository:
    """What they have bought."""
    return LedgerRepository(database)


@pytest.fixture
def journal(database: Database[Document]) -> JournalRepository:
    """What happened with them."""
    return JournalRepository(database)


@pytest.fixture
def database(built: Database[Document]) -> Iterator[Database[Document]]:
    """The customers database with its rules and indexes, empty."""
    yield built
    databases.empty(built, [collection.name for collection in documents.COLLECTIONS])


@pytest.fixture(scope="session")
def app(client: MongoClient[Document], settings: Settings, published: Published) -> Flask:
    """The application, made once: a test leaves nothing behind in it."""
    verifier = TokenVerifier(Keyring(lambda: published))
    return create_app(settings, client=client, verifier=verifier)


@pytest.fixture(scope="session")
def built(client: MongoClient[Document], settings: Settings) -> Database[Document]:
    """The database, built once: building takes longer than most tests."""
    return databases.built(client, settings, "customers", documents.COLLECTIONS)


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client for the real mongod, for all tests of customers."""
    with databases.client_of_its_own(settings) as made:
        yield made


@pytest.fixture(scope="session")
def settings(mongo_url: str) -> Settings:
    """Settings that lead to a database for all tests of customers."""
    return databases.settings_of_its_own(mongo_url)
