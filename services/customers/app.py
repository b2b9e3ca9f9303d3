"""Joins customers' repository and routes to the application that every service starts from."""

from flask import Flask
from pymongo import MongoClient

from services.customers import PUBLISHES
from services.customers.operations.activity import Website
from services.customers.repository.activity import ViewRepository, VisitorRepository
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from services.customers.routes import activity, customers, journal
from shared.auth.tokens import TokenVerifier, remote_verifier
from shared.document import Document
from shared.mongo.client import connect, service_database
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
    database = service_database(client, settings, "customers")
    website = Website(
        customers=CustomerRepository(database, PUBLISHES),
        journal=JournalRepository(database),
        views=ViewRepository(database),
        visitors=VisitorRepository(database, PUBLISHES),
    )
    app.extensions.update(customers=website.customers, journal=website.journal, website=website)
    for blueprint in (customers.blueprint, journal.blueprint, activity.blueprint):
        api.register_blueprint(blueprint)
    return app


def web() -> Flask:
    """The application of a web process."""
    settings = load("customers")
    return create_app(settings, client=connect(settings), verifier=remote_verifier(settings))
