"""Joins customers' repository and routes to the application that every service starts from."""

from flask import Flask
from pymongo import MongoClient

from services.customers import SENDS
from services.customers.repository.customers import CustomerRepository
from services.customers.routes import customers
from shared.auth.remote import remote_verifier
from shared.auth.tokens import TokenVerifier
from shared.database import Document, connect, database
from shared.settings import Settings, load
from shared.web.app import create_app as create_base


def create_app(
    settings: Settings, *, client: MongoClient[Document], verifier: TokenVerifier
) -> Flask:
    """The customers application on this database."""
    app, api = create_base(
        __name__,
        title="Kith customers",
        description=str(customers.blueprint.description),
        verifier=verifier,
        client=client,
    )
    app.config["DEFAULT_PHONE_REGION"] = settings.default_phone_region
    app.extensions["customers"] = CustomerRepository(database(client, settings, "customers"), SENDS)
    api.register_blueprint(customers.blueprint)
    return app


def web() -> Flask:
    """The application of a web process."""
    settings = load("customers")
    return create_app(settings, client=connect(settings), verifier=remote_verifier(settings))
