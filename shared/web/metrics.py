"""Metrics of a web process, and the route that shows them to Prometheus and to admins.

They tell how much a shop sells, and when; so they are not for everybody who reaches the port.
"""

from hmac import compare_digest

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest

from shared.auth.middleware import authenticated, bearer_token, public
from shared.auth.tokens import TokenVerifier
from shared.errors import Forbidden

TOKEN = "metrics_token"  # noqa: S105 - the name of its file, not the token.
"""The file of secrets that holds the token of Prometheus."""

SECONDS = Histogram(
    "http_request_seconds", "Time to answer a request.", ["method", "route", "status"]
)


def blueprint(verifier: TokenVerifier, token: str | None) -> Blueprint:
    """The route that Prometheus scrapes, with this token if there is one."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    # Who may is decided here: the token of Prometheus is nobody's, and has no role.
    @public
    def metrics() -> Response:
        if not _is_token(bearer_token(), token) and authenticated(verifier).role != "admin":
            raise Forbidden("Metrics are for admins, and for whoever has their own token.")
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return routes


def _is_token(given: str, token: str | None) -> bool:
    # In the same time, however much of it was guessed right.
    return token is not None and compare_digest(given.encode(), token.encode())
