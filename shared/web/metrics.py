"""Metrics of a web process, and the route that shows them to Prometheus."""

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest

from shared.auth.middleware import public

SECONDS = Histogram(
    "http_request_seconds", "Time to answer a request.", ["method", "route", "status"]
)


def blueprint() -> Blueprint:
    """The route that Prometheus scrapes."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    @public
    def metrics() -> Response:
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return routes
