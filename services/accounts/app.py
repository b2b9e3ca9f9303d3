"""Joins accounts' repositories and routes to the application that every service starts from."""

from datetime import UTC, datetime

from flask import Flask
from pymongo import MongoClient
from pymongo.database import Database

from services.accounts import PUBLISHES, routes
from services.accounts.operations.sessions import Accounts
from services.accounts.repository import sessions
from services.accounts.repository.sessions import KeyRepository, SessionRepository
from services.accounts.repository.users import UserRepository
from shared.auth.keyring import Keyring
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.settings import Settings, load
from shared.web.app import create_app as create_base


def create_accounts(database: Database[Document]) -> Accounts:
    """The repositories of accounts on this database."""
    return Accounts(
        UserRepository(database, PUBLISHES), SessionRepository(database), KeyRepository(database)
    )


def create_app(settings: Settings, *, client: MongoClient[Document]) -> Flask:
    """The accounts application on this database. It verifies tokens with the keys it has itself."""
    accounts = create_accounts(service_database(client, settings, "accounts"))
    keyring = Keyring(
        lambda: sessions.published(accounts.keys, accounts.users, now=datetime.now(UTC))
    )
    app, api = create_base(
        __name__,
        title="Kith accounts",
        description="The staff's log-ins, roles and tokens.",
        verifier=TokenVerifier(keyring),
        client=client,
    )
    app.extensions["accounts"] = accounts
    api.register_blueprint(routes.users)
    api.register_blueprint(routes.tokens)
    app.register_blueprint(routes.well_known)
    return app


def web() -> Flask:
    """The application of a web process."""
    settings = load("accounts")
    return create_app(settings, client=connect(settings))
