"""Problems: refusals as HTTP (RFC 9457). The one place that knows the status of a refusal."""

import re
import traceback
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from flask import Flask, Response, g
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Refusal,
    Stale,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedFormat,
    VersionMissing,
)
from shared.mongo.client import is_outage

log = structlog.get_logger(__name__)

STATUSES: tuple[tuple[type[Refusal], HTTPStatus], ...] = (
    (Malformed, HTTPStatus.BAD_REQUEST),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Stale, HTTPStatus.PRECONDITION_FAILED),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnsupportedFormat, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (Invalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (VersionMissing, HTTPStatus.PRECONDITION_REQUIRED),
    (TooMany, HTTPStatus.TOO_MANY_REQUESTS),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
RETRY_AFTER_SECONDS = 2

_WORDS = re.compile(r"(?<!^)(?=[A-Z])")

# Sentences for what werkzeug refuses before a view runs; its own texts speak of "the server" and of
# URLs.
_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not take this method; see Allow.",
    413: "The request is larger than this address takes.",
}


def status_of(refusal: Refusal) -> HTTPStatus:
    """The status of a refusal, by the kind it is of."""
    return next(status for kind, status in STATUSES if isinstance(refusal, kind))


def kind_of(refusal: Refusal) -> str:
    """The stable name of a refusal: `EmailTaken` is `email-taken`."""
    return _WORDS.sub("-", type(refusal).__name__).lower()


def describe(refusal: Refusal) -> dict[str, Any]:
    """A refusal as the body of a problem, or of one entry of a bulk answer."""
    kind = kind_of(refusal)
    body: dict[str, Any] = {
        "type": f"urn:kith:problem:{kind}",
        "title": kind.replace("-", " ").capitalize(),
        "status": int(status_of(refusal)),
        "detail": refusal.message,
    }
    if refusal.errors:
        body["errors"] = [
            {"field": error.field, "message": error.message}
            | ({"holder": error.holder} if error.holder else {})
            for error in refusal.errors
        ]
    if refusal.more_errors:
        body["more_errors"] = refusal.more_errors
    return body


def install(app: Flask) -> None:
    """Answer every failure of `app` as problem+json, never with an exception's own text."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_failure)
    app.register_error_handler(Exception, _unexpected)
    app.register_error_handler(PyMongoError, _database_failure)


def _refused(refusal: Refusal) -> Response:
    response = _problem(describe(refusal))
    if isinstance(refusal, Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="kith"'
    if isinstance(refusal, TooMany):
        response.headers["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, Unavailable):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _http_failure(failure: HTTPException) -> Response:
    status = HTTPStatus(failure.code or 500)
    response = _problem(
        {
            "type": f"urn:kith:problem:{status.phrase.lower().replace(' ', '-')}",
            "title": status.phrase,
            "status": int(status),
            "detail": _DETAILS.get(status, failure.description or status.description),
        }
    )
    for name, value in failure.get_headers(None):
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _database_failure(error: PyMongoError) -> Response:
    if not is_outage(error):
        return _unexpected(error)
    log.warning("database_unavailable", reason=type(error).__name__)
    return _refused(Unavailable("The database does not answer now; try again in a moment."))


def _unexpected(error: Exception) -> Response:
    # Where, and not what: the text of a database error may hold the whole document.
    log.error(
        "request_failed",
        error_type=type(error).__name__,
        trace="".join(traceback.format_tb(error.__traceback__)),
    )
    return _problem(
        {
            "type": "urn:kith:problem:internal-server-error",
            "title": "Internal server error",
            "status": 500,
            "detail": "Something went wrong here; tell whoever runs this system the request_id.",
        }
    )


def _problem(body: dict[str, Any]) -> Response:
    body["request_id"] = g.get("request_id", "")
    if body["status"] < 500:
        log.info("request_refused", status=body["status"], problem=body["type"])
    return Response(orjson.dumps(body), body["status"], content_type="application/problem+json")
