"""Joins imports' repositories and routes to the application that every service starts from."""

from flask import Flask
from pymongo import MongoClient

from services.imports import PUBLISHES, routes
from services.imports.repository.files import FileStore
from services.imports.repository.jobs import JobRepository
from services.imports.repository.rows import RowRepository
from shared.auth.tokens import TokenVerifier, remote_verifier
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.settings import Settings, load
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
    )
    owned = service_database(client, settings, "imports")
    app.extensions.update(
        settings=settings,
        jobs=JobRepository(owned, PUBLISHES),
        files=FileStore(owned),
        rows=RowRepository(owned),
    )
    for schema in routes.SCHEMAS:
        api.spec.components.schema(schema.__name__.removesuffix("Schema"), schema=schema)
    api.register_blueprint(routes.blueprint)
    return app


def web() -> Flask:
    """The application of a web process."""
    settings = load("imports")
    return create_app(settings, client=connect(settings), verifier=remote_verifier(settings))
