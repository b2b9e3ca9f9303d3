"""Web application of imports: joins its repositories and routes. Holds no rule."""

from flask import Flask
from pymongo import MongoClient

from services.imports import routes
from services.imports.bootstrap import create_context
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
    """The imports application on this database."""
    app, api = create_base(
        __name__,
        title="Kith imports",
        description=str(routes.blueprint.description),
        verifier=verifier,
        client=client,
        metrics_token=secrets.read(settings.secrets_dir, metrics.TOKEN),
    )
    owned = service_database(client, settings, "imports")
    app.config["SETTINGS"] = settings
    app.extensions["imports"] = create_context(settings, owned)
    for schema in routes.SCHEMAS:
        api.spec.components.schema(schema.__name__.removesuffix("Schema"), schema=schema)
    api.register_blueprint(routes.blueprint)
    return app


def web() -> Flask:
    """The application of a web process."""
    settings = load("imports")
    return create_app(settings, client=connect(settings), verifier=remote_verifier(settings))
