"""Web application of accounts: joins its repositories and routes. Holds no rule."""

from flask import Flask
from pymongo import MongoClient

from services.accounts import routes
from services.accounts.bootstrap import create_context
from services.accounts.operations.callers import OwnVerifier
from shared import secrets
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.settings import Settings, load
from shared.web import client_address, metrics
from shared.web.app import create_app as create_base


def create_app(
    settings: Settings, *, client: MongoClient[Document], verifier: TokenVerifier | None = None
) -> Flask:
    """The accounts application on this database.

    Unless given another `verifier`, it verifies tokens with the keys in its own database, and looks
    there at each request for whether the caller may still do what they could.
    """
    accounts = create_context(service_database(client, settings, "accounts"))
    app, api = create_base(
        __name__,
        title="Kith accounts",
        description="The staff's log-ins, roles and tokens.",
        verifier=verifier or OwnVerifier(accounts),
        client=client,
        metrics_token=secrets.read(settings.secrets_dir, metrics.TOKEN),
    )
    app.extensions["accounts"] = accounts
    client_address.install(app, settings.trusted_proxies)
    api.register_blueprint(routes.users)
    api.register_blueprint(routes.tokens)
    app.register_blueprint(routes.well_known)
    return app


def web() -> Flask:
    """The application of a web process."""
    settings = load("accounts")
    return create_app(settings, client=connect(settings))
