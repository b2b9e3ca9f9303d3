"""Customers to test with, and their application on a database that each test finds empty."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

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
from shared.mongo.client import connect, service_database
from shared.mongo.collections import build
from shared.settings import Settings, load

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

    def make(role: str | None) -> FlaskClient:
        browser = app.test_client()
        if role is not None:
            browser.environ_base["HTTP_AUTHORIZATION"] = headers(role)["Authorization"]
        return browser

    return make


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
    *most, last = documents.COLLECTIONS
    for collection in most:
        built.get_collection(collection.name, write_concern=WriteConcern(w=1)).delete_many({})
    # What is acknowledged by the majority has all that was written before it. The next test would
    # see a customer who is being deleted otherwise.
    built[last.name].delete_many({})


@pytest.fixture(scope="session")
def app(client: MongoClient[Document], settings: Settings, published: Published) -> Flask:
    """The application, made once: a test leaves nothing behind in it."""
    verifier = TokenVerifier(Keyring(lambda: published))
    return create_app(settings, client=client, verifier=verifier)


@pytest.fixture(scope="session")
def built(client: MongoClient[Document], settings: Settings) -> Database[Document]:
    """The database, built once: building takes longer than most tests."""
    made = service_database(client, settings, "customers")
    list(build(made, documents.COLLECTIONS))
    return made


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client for the real mongod, for all tests of customers."""
    with connect(settings) as made:
        yield made
        made.drop_database(f"{settings.database_prefix}_customers")


@pytest.fixture(scope="session")
def settings(mongo_url: str) -> Settings:
    """Settings that lead to a database for all tests of customers."""
    return replace(load(), mongo_url=mongo_url, database_prefix=f"test_{uuid4().hex[:12]}")
