"""Flask application that every service starts from: limits, roles, request ids, health.

Knows no route of a service.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any, TypeVar
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from flask_smorest import Api
from marshmallow import Schema, fields
from pymongo import MongoClient

from shared.auth import middleware
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.mongo.client import deadline
from shared.web import bodies, health, metrics, openapi, problems
from shared.web.parsing import given_request_id

View = TypeVar("View", bound=Callable[..., Any])

NOTHING = "default-src 'none'; frame-ancestors 'none'"
METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})


class FieldProblemSchema(Schema):
    """A field and the fault in it."""

    field = fields.String(
        required=True, metadata={"description": "Dotted path, such as `lines.0.quantity`."}
    )
    message = fields.String(required=True)
    holder = fields.String(
        metadata={"description": "Id of what already has a value that must be unique."}
    )


class ProblemSchema(Schema):
    """A refusal (RFC 9457), sent as application/problem+json."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldProblemSchema))
    more_errors = fields.Integer(
        metadata={"description": "How many faults were found that `errors` has no room for."}
    )


class _Api(Api):
    """flask-smorest for the documents and arguments.

    Refusals are answered by `shared.web.problems`.
    """

    ERROR_SCHEMA = ProblemSchema
    # Each refusal is listed with its status (`shared.web.description`).
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Leave errors to us: smorest's handler would drop the Allow header of a 405."""


def create_app(
    name: str,
    *,
    title: str,
    description: str,
    verifier: TokenVerifier,
    client: MongoClient[Document],
    metrics_token: str | None = None,
) -> tuple[Flask, Api]:
    """An application without routes of its own, and the Api to register its blueprints with.

    Its metrics are for admins, and for whoever has the `metrics_token`, if there is one.
    """
    app = Flask(name, static_folder=None)
    app.config.update(
        API_TITLE=title,
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        # Routes that take files or bulk say more themselves.
        MAX_CONTENT_LENGTH=bodies.MAX_BODY_BYTES,
        # Otherwise tests and the debug mode would see an exception where callers see an answer.
        PROPAGATE_EXCEPTIONS=False,
    )
    # Unknown addresses answer 404, not a redirect to a likely one, which would name this host and
    # not the gateway's.
    app.url_map.merge_slashes = False
    api = _Api(
        app,
        spec_kwargs={
            "info": {"description": description},
            "servers": [{"url": "."}],
            "security": [{"token": []}],
        },
    )
    api.spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    problems.install(app)
    _install_request_record(app)
    _install_deadline(app)
    middleware.install(app, verifier)
    bodies.install(app)
    app.register_blueprint(openapi.blueprint(api, title=title))
    app.register_blueprint(health.blueprint(client))
    app.register_blueprint(metrics.blueprint(verifier, metrics_token))
    return app, api


def without_deadline(view: View) -> View:
    """Let a view take as long as it needs in the database; it has to set deadlines of its own.

    For those that move whole files.
    """
    view._is_without_deadline = True  # type: ignore[attr-defined]
    return view


def _install_deadline(app: Flask) -> None:
    """Have no request wait longer than that for the database, however many questions it asks.

    Without it a server that hangs, and does not die, holds each question until it is found out, and
    a request as long as all of its questions together.
    """

    @app.before_request
    def set_deadline() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if not getattr(view, "_is_without_deadline", False):
            g.deadline = deadline()
            g.deadline.__enter__()

    @app.teardown_request
    def lift_deadline(_: BaseException | None) -> None:
        # Here, for this is the one hook that runs whatever happened before.
        if (passed := g.pop("deadline", None)) is not None:
            passed.__exit__(None, None, None)


def _install_request_record(app: Flask) -> None:
    """Give each request an id that logs and refusals carry, and count it when it is answered."""

    @app.before_request
    def begin() -> None:
        g.started_at = perf_counter()
        g.request_id = given_request_id() or uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def finish(response: Response) -> Response:
        structlog.contextvars.clear_contextvars()
        response.headers["X-Request-Id"] = g.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        # Data is no page: it loads nothing, and nobody shows it in a frame.
        response.headers.setdefault("Content-Security-Policy", NOTHING)
        # Answers are personal data, and differ from caller to caller.
        response.headers.setdefault("Cache-Control", "no-store")
        route = request.url_rule.rule if request.url_rule else "none"
        # A method that anybody may invent would be a series of its own, kept for ever.
        method = request.method if request.method in METHODS else "other"
        metrics.SECONDS.labels(method, route, response.status_code).observe(
            perf_counter() - g.started_at
        )
        return response
