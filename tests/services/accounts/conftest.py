"""Users to test with, and the accounts application on a database that each test finds empty."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from pymongo.database import Database

from services.accounts import crypto, documents
from services.accounts.app import create_app
from services.accounts.bootstrap import create_context
from services.accounts.crypto import SigningKey
from services.accounts.model import User
from services.accounts.operations import sessions, users
from services.accounts.operations.sessions import Accounts
from shared.auth.caller import Caller
from shared.auth.keyring import Keyring, read_published
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.identifiers import new_id
from shared.settings import Settings
from tests.support import databases

PASSWORD = "correct horse battery"
ADMIN = Caller(id=new_id(), role="admin")


@pytest.fixture
def now() -> datetime:
    """The time at which the tests' users are registered: today, as tokens have no other clock."""
    present = datetime.now(UTC)
    return present.replace(microsecond=present.microsecond // 1000 * 1000)


@pytest.fixture
def password() -> str:
    """The password of every user of `make_user`."""
    return PASSWORD


@pytest.fixture
def make_user(password_hash: str, now: datetime) -> Callable[..., User]:
    """`make_user(**fields)`: a member of staff, in sales unless given."""

    def make(**fields: Any) -> User:
        id = new_id()
        usual: dict[str, Any] = {
            "id": id,
            "email": f"{id}@example.com",
            "name": "Ann Lee",
            "role": "sales",
            "password_hash": password_hash,
            "tokens_void_before": now,
            "sessions_void_before": now,
            "created_at": now,
            "updated_at": now,
        }
        return User(**usual | fields)

    return make


@pytest.fixture
def add_user(accounts: Accounts, make_user: Callable[..., User]) -> Callable[..., User]:
    """`add_user(**fields)`: a member of staff who is registered."""

    def add(**fields: Any) -> User:
        user = make_user(**fields)
        accounts.users.add(user)
        return user

    return add


@pytest.fixture
def sign_in(accounts: Accounts, password: str, now: datetime) -> Callable[..., Document]:
    """`sign_in(email=…)`: the tokens for the right password at `now`, unless others are given."""

    def ask(*, email: str, password: str = password, at: datetime = now) -> Document:
        return sessions.sign_in(accounts, email=email, password=password, now=at)

    return ask


@pytest.fixture
def change(accounts: Accounts) -> Callable[..., Document]:
    """`change(user, changes, at=…)`: a user changed by an admin, unless given."""

    def ask(user: User, changes: Document, *, at: datetime, caller: Caller = ADMIN) -> Document:
        return users.change(
            accounts.users, user.id, changes, version=user.version, caller=caller, now=at
        )

    return ask


@pytest.fixture
def verify(accounts: Accounts, now: datetime) -> Callable[[str], Caller]:
    """`verify(token)`: what another service makes of it, by what accounts publishes, at `now`."""

    def ask(token: str) -> Caller:
        published = read_published(
            {"keys": accounts.keys.public_keys()}, accounts.users.revocations(now=now)
        )
        return TokenVerifier(Keyring(lambda: published), clock=now.timestamp).caller(token)

    return ask


@pytest.fixture
def http_as(
    app: Flask, add_user: Callable[..., User], signing_key: Document
) -> Callable[..., FlaskClient]:
    """`http_as(who)`: a client of the application.

    Signed in as that user, or as somebody new with that role, or not if it is None.
    """
    key = SigningKey(signing_key["_id"], signing_key["private_key"])

    def make(who: User | str | None, via: str | None = None) -> FlaskClient:
        browser = app.test_client()
        if who is not None:
            user = add_user(role=who) if isinstance(who, str) else who
            token = crypto.sign_access_token(
                key,
                user_id=user.id,
                role=user.role,
                via=via,
                token_id=new_id(),
                now=datetime.now(UTC),
            )
            browser.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return browser

    return make


@pytest.fixture
def http(http_as: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of the application, signed in as an admin."""
    return http_as("admin")


@pytest.fixture
def accounts(database: Database[Document], signing_key: Document) -> Accounts:
    """Users, sessions and a key to sign with."""
    made = create_context(database)
    made.keys.add_first(signing_key)
    return made


@pytest.fixture
def database(built: Database[Document]) -> Iterator[Database[Document]]:
    """The accounts database with its rules and indexes, empty."""
    yield built
    databases.empty(built, [collection.name for collection in documents.COLLECTIONS])


@pytest.fixture(scope="session")
def app(client: MongoClient[Document], settings: Settings) -> Flask:
    """The application, made once: a test leaves nothing behind in it but the key it knows."""
    return create_app(settings, client=client)


@pytest.fixture(scope="session")
def built(client: MongoClient[Document], settings: Settings) -> Database[Document]:
    """The database, built once: building takes longer than most tests."""
    return databases.built(client, settings, "accounts", documents.COLLECTIONS)


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client for the real mongod, for all tests of accounts."""
    with databases.client_of_its_own(settings) as made:
        yield made


@pytest.fixture(scope="session")
def settings(mongo_url: str) -> Settings:
    """Settings that lead to a database for all tests of accounts."""
    return databases.settings_of_its_own(mongo_url)


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of everybody's password, made once: it is meant to take long."""
    return crypto.hash_password(PASSWORD)
