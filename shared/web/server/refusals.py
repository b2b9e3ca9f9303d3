"""Refusals of the bridge itself, as problem+json: what no view has seen, and none has to."""

from dataclasses import dataclass
from http import HTTPStatus

import orjson
import structlog
from prometheus_client import Counter

from shared.web.server.interface import Headers

log = structlog.get_logger(__name__)

REFUSED = Counter(
    "http_bodies_refused", "Requests refused before the application saw them.", ["status"]
)


@dataclass(frozen=True)
class Reason:
    """Why the bridge refuses a request."""

    status: HTTPStatus
    detail: str


LATE = Reason(HTTPStatus.REQUEST_TIMEOUT, "The body did not come in time; send it again.")
TOO_LARGE = Reason(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is larger than this address takes."
)
BROKEN = Reason(HTTPStatus.BAD_REQUEST, "The body broke off before its end.")
FAILED = Reason(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "Something went wrong here; tell whoever runs this system the request_id.",
)


class Refused(Exception):
    """A request that does not get as far as the application."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.detail)
        self.reason = reason


def answer_of(reason: Reason, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a refusal. The connection ends with it."""
    status = reason.status
    REFUSED.labels(int(status)).inc()
    log.info("request_refused", status=int(status), reason=status.phrase, request_id=request_id)
    body = {
        "type": f"urn:kith:problem:{status.phrase.lower().replace(' ', '-')}",
        "title": status.phrase,
        "status": int(status),
        "detail": reason.detail,
        "request_id": request_id,
    }
    headers = [
        ("content-type", "application/problem+json"),
        ("connection", "close"),
        ("cache-control", "no-store"),
        ("server", ""),
        ("x-content-type-options", "nosniff"),
        ("x-request-id", request_id),
    ]
    return int(status), headers, orjson.dumps(body)
