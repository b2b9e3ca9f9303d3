"""The imports service on databases of its own, among real neighbours that answer HTTP."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from socket import create_server
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from pymongo.database import Database

from services.accounts import app as accounts_app
from services.accounts import bootstrap as accounts_bootstrap
from services.accounts.crypto import sign_access_token
from services.accounts.operations import users as accounts_operations
from services.customers import app as customers_app
from services.imports import bootstrap, subscribers
from services.imports.app import create_app
from services.imports.context import ImportContext
from services.imports.repository.files import FileStore
from services.imports.repository.jobs import LEASE, JobRepository
from services.imports.repository.outcomes import OutcomeRepository
from services.imports.repository.rows import RowRepository
from services.imports.steps import run_step
from services.orders import app as orders_app
from services.tools import setup
from shared.auth.tokens import TokenVerifier, remote_verifier
from shared.document import Document
from shared.events.contracts import ImportAdvanced
from shared.identifiers import new_id
from shared.local.ports import LOOPBACK
from shared.mongo.client import connect, service_database
from shared.settings import Settings
from tests.support import databases
from tests.support.browsers import browser
from tests.support.serving import serving
from tests.support.stall import MAPPING, SHOP

EMPTIED = ("imports", "customers", "orders")


@pytest.fixture
def database(client: MongoClient[Document], settings: Settings) -> Iterator[Database[Document]]:
    """The imports database with its rules and indexes. It and the shop's are empty."""
    yield service_database(client, settings, "imports")
    for service in EMPTIED:
        databases.empty(service_database(client, settings, service))


@pytest.fixture
def jobs(context: ImportContext) -> JobRepository:
    """The jobs."""
    return context.jobs


@pytest.fixture
def files(context: ImportContext) -> FileStore:
    """Their files."""
    return context.files


@pytest.fixture
def rows(context: ImportContext) -> RowRepository:
    """Their rows."""
    return context.rows


@pytest.fixture
def outcomes(context: ImportContext) -> OutcomeRepository:
    """What became of their customers and orders."""
    return context.outcomes


@pytest.fixture
def context(settings: Settings, database: Database[Document]) -> ImportContext:
    """What a worker has at hand, the neighbours included."""
    return bootstrap.create_context(settings, database)


@pytest.fixture
def ask(http: FlaskClient) -> Callable[..., str]:
    """`ask(content)`: ask for the import of a file as sales does; gives the job's id."""

    def make(content: bytes = SHOP, **form: str) -> str:
        fields = form or {"mapping": json.dumps(MAPPING)}
        answer = http.post(
            "/v1/imports", data={**fields, "file": (io.BytesIO(content), "shop.csv")}
        )
        assert answer.status_code == 202, answer.json
        id: str = (answer.json or {})["id"]
        return id

    return make


@pytest.fixture
def take(jobs: JobRepository) -> Callable[..., Document]:
    """`take(id)`: lease the step of a job that is due, as a worker does.

    `take(id, later=True)`: as one does when the lease of another has run out.
    """

    def make(id: str, *, later: bool = False) -> Document:
        found = jobs.collection.find_one({"_id": id}) or {}
        now = datetime.now(UTC)
        job = jobs.lease(id, step=found["step"], now=now + LEASE if later else now)
        assert job is not None
        return job

    return make


@pytest.fixture
def step(context: ImportContext, take: Callable[..., Document]) -> Callable[[str], str]:
    """`step(id)`: do the step of a job that is due; gives the state it has then."""

    def make(id: str) -> str:
        run_step(context, take(id))
        state: str = context.jobs.get(id)["state"]
        return state

    return make


@pytest.fixture
def finish(handle: Callable[[Document], None], jobs: JobRepository) -> Callable[[str], Document]:
    """`finish(id)`: handle the events of a job until there is nothing more to do; gives the job."""

    def make(id: str) -> Document:
        handled: set[str] = set()
        while True:
            found = jobs.collection.find_one({"_id": id}) or {}
            news = [entry for entry in found["outbox"] if entry["id"] not in handled]
            if not news:
                return jobs.get(id)
            for entry in news:
                handled.add(entry["id"])
                handle(entry["data"])

    return make


@pytest.fixture
def handle(context: ImportContext) -> Callable[[Document], None]:
    """`handle(data)`: have the worker handle an event."""
    return lambda data: subscribers.go_on(context, [ImportAdvanced.from_data(data)])


@pytest.fixture
def browse(client: MongoClient[Document], settings: Settings) -> Callable[[str], Any]:
    """`browse(service)`: the collection that a neighbour fills, `customers` or `orders`."""
    return lambda service: service_database(client, settings, service)[service]


@pytest.fixture
def http(http_as: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of the application, signed in as sales."""
    return http_as("sales")


@pytest.fixture
def http_as(
    database: Database[Document],
    make_app: Callable[..., Flask],
    headers: Callable[[str], dict[str, str]],
) -> Callable[..., FlaskClient]:
    """`http_as(role)`: a client of the application, signed in, or not if the role is None.

    `http_as(role, import_max_bytes=…)`: of one with other settings.
    """
    assert database.name.endswith("imports")

    def make(role: str | None, **changes: Any) -> FlaskClient:
        return browser(make_app(**changes), None if role is None else headers(role))

    return make


@pytest.fixture
def accounts(client: MongoClient[Document], settings: Settings) -> FlaskClient:
    """A client of accounts, not signed in."""
    return accounts_app.create_app(settings, client=client).test_client()


@pytest.fixture(scope="session")
def make_app(
    client: MongoClient[Document], settings: Settings, verifier: TokenVerifier
) -> Callable[..., Flask]:
    """`make_app(**changes)`: the application, with some settings changed."""
    usual = create_app(settings, client=client, verifier=verifier)

    def make(**changes: Any) -> Flask:
        if not changes:
            return usual
        return create_app(replace(settings, **changes), client=client, verifier=verifier)

    return make


@pytest.fixture
def headers(client: MongoClient[Document], settings: Settings, staff: dict[str, str]) -> Any:
    """`headers(role)`: the request headers of a member of staff that accounts knows."""
    accounts = accounts_bootstrap.create_context(service_database(client, settings, "accounts"))

    def make(role: str) -> dict[str, str]:
        key = accounts.keys.signing_key()
        assert key is not None
        token = sign_access_token(
            key,
            user_id=staff[role],
            role=role,
            via=None,
            token_id=new_id(),
            now=datetime.now(UTC),
        )
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture(scope="session")
def verifier(settings: Settings) -> TokenVerifier:
    """Verifies with the keys that the real accounts publishes."""
    return remote_verifier(settings)


@pytest.fixture(scope="session")
def staff(client: MongoClient[Document], settings: Settings) -> dict[str, str]:
    """The id of somebody of each role."""
    accounts = accounts_bootstrap.create_context(service_database(client, settings, "accounts"))
    return {
        role: accounts_operations.register(
            accounts.users,
            email=f"{role}@stall.example",
            name=role,
            role=role,
            password="correct horse",
            now=datetime.now(UTC),
        )["_id"]
        for role in ("sales", "admin")
    }


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client for the real mongod, with the databases of all services built."""
    with databases.client_of_its_own(settings) as made:
        yield made


@pytest.fixture(scope="session")
def settings(mongo_url: str) -> Iterator[Settings]:
    """Settings that lead to databases for all tests of imports, and to neighbours that answer."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(create_server((LOOPBACK, 0))) for _ in range(3)]
        accounts, customers, orders = (
            f"http://{LOOPBACK}:{each.getsockname()[1]}" for each in sockets
        )
        made = databases.settings_of_its_own(
            mongo_url,
            admin_password="correct horse",
            accounts_url=accounts,
            customers_url=customers,
            orders_url=orders,
        )
        list(setup.run(made))
        client = stack.enter_context(connect(made))
        apps = (
            accounts_app.create_app(made, client=client),
            *(
                module.create_app(made, client=client, verifier=remote_verifier(made))
                for module in (customers_app, orders_app)
            ),
        )
        for app, listener in zip(apps, sockets, strict=True):
            stack.enter_context(serving(app, listener))
        yield made
