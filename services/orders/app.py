"""Web application of orders: joins its repositories, customer lookup and routes. Holds no rule."""

from functools import partial

from flask import Flask, g, request
from pymongo import MongoClient

from services.orders import routes
from services.orders.bootstrap import create_context
from services.orders.customer_lookup import Ask, ask_customers
from services.orders.schemas import NewOrderEntrySchema
from shared import secrets
from shared.auth.tokens import TokenVerifier, remote_verifier
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.settings import Settings, load
from shared.web import metrics
from shared.web.app import create_app as create_base


def create_app(
    settings: Settings,
    *,
    client: MongoClient[Document],
    verifier: TokenVerifier,
    ask: Ask | None = None,
) -> Flask:
    """The orders application on this database.

    `ask` says which customers exist; unless given, the customers service is asked over HTTP.
    """
    app, api = create_base(
        __name__,
        title="Kith orders",
        description=str(routes.blueprint.description),
        verifier=verifier,
        client=client,
        metrics_token=secrets.read(settings.secrets_dir, metrics.TOKEN),
    )
    database = service_database(client, settings, "orders")
    ask_them = partial(ask_customers, url=settings.customers_url, headers=_as_caller)
    app.extensions["orders"] = create_context(database, ask=ask or ask_them)
    # Named by the bulk route's document, which reads its entries one by one.
    api.spec.components.schema("NewOrderEntry", schema=NewOrderEntrySchema)
    api.register_blueprint(routes.blueprint)
    return app


def web() -> Flask:
    """The application of a web process."""
    settings = load("orders")
    return create_app(settings, client=connect(settings), verifier=remote_verifier(settings))


def _as_caller() -> dict[str, str]:
    """Headers that show another service the present caller, and the request it is part of."""
    return {"Authorization": request.headers["Authorization"], "X-Request-Id": g.request_id}
