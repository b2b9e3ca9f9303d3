"""Web application of customers: joins its repositories and routes. Holds no rule."""

from flask import Flask
from pymongo import MongoClient

from services.customers.bootstrap import create_context
from services.customers.routes import activity, customers, journal
from services.customers.schemas.activity import ViewSchema
from shared import secrets
from shared.auth.tokens import TokenVerifier, remote_verifier
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.settings import Settings, load
from shared.web import metrics
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
        metrics_token=secrets.read(settings.secrets_dir, metrics.TOKEN),
    )
    app.config["DEFAULT_PHONE_REGION"] = settings.default_phone_region
    app.extensions["customers"] = create_context(service_database(client, settings, "customers"))
    # Named by the bulk route's document, which reads its entries one by one.
    api.spec.components.schema("View", schema=ViewSchema)
    for blueprint in (customers.blueprint, journal.blueprint, activity.blueprint):
        api.register_blueprint(blueprint)
    return app


def web() -> Flask:
    """The application of a web process."""
    settings = load("customers")
    return create_app(settings, client=connect(settings), verifier=remote_verifier(settings))
