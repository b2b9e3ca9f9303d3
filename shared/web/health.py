"""Health routes: the process lives, and it can work.

Redis is no part of readiness: HTTP does not need it.
"""

from flask import Blueprint, Response
from pymongo import MongoClient

from shared.auth.middleware import public
from shared.document import Document
from shared.errors import Unavailable
from shared.mongo.client import is_reachable
from shared.web.responses import data


def blueprint(client: MongoClient[Document]) -> Blueprint:
    """The routes that operators and gateways ask."""
    routes = Blueprint("health", __name__)

    @routes.get("/health/live")
    @public
    def live() -> Response:
        return data({"status": "alive"})

    @routes.get("/health/ready")
    @public
    def ready() -> Response:
        if not is_reachable(client):
            raise Unavailable("The database does not answer.")
        return data({"status": "ready"})

    return routes
