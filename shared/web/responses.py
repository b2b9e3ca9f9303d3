"""Responses: documents rendered as they were read, with their ETag; pages with their cursor."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson
from bson import Decimal128
from flask import Response, request

from shared.document import Document
from shared.errors import Malformed
from shared.mongo.paging import Page

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC
_CHECK_BYTES = 6


class InvalidCursor(Malformed):
    """A `cursor` that was not given out for this list with these filters."""


def encode(value: Any) -> bytes:
    """JSON, with times in UTC and exact amounts as strings."""
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal128):
        return format(value.to_decimal(), "f")
    raise TypeError(f"{type(value).__name__} cannot be rendered")


def etag(document: Document) -> str:
    """The ETag of a document.

    Its version, and the revision of what is computed for it, if it has one.
    """
    revision = document.get("revision")
    return f'"{document["version"]}"' if revision is None else f'"{document["version"]}.{revision}"'


def representation(document: Document) -> Document:
    """A document as callers see it: `id` first, without its numbers of versions."""
    seen = {"id": document["_id"], **document}
    del seen["_id"]
    seen.pop("version", None)
    seen.pop("revision", None)
    seen.pop("schema_version", None)
    return seen


def entity(document: Document, *, status: int = 200, location: str | None = None) -> Response:
    """One document, or 304 if the caller has it already (RFC 9110, 13.1.2)."""
    tag = etag(document)
    if (
        status == 200
        and request.method in {"GET", "HEAD"}
        and tag in request.headers.get("If-None-Match", "")
    ):
        response = Response(status=304)
    else:
        response = Response(
            encode(representation(document)), status, content_type="application/json"
        )
    response.headers["ETag"] = tag
    if location is not None:
        # Relative (RFC 9110, 10.2.2), so that it holds behind a gateway with a path of its own.
        response.headers["Location"] = location
    return response


def data(value: Any, *, status: int = 200) -> Response:
    """Plain data."""
    return Response(encode(value), status, content_type="application/json")


def page(
    found: Page, *, filters: Document, render: Callable[[Document], Document] = representation
) -> Response:
    """One page of a list.

    `filters` are the caller's own; a cursor is good for the same ones only.
    """
    return data(
        {
            "items": [render(item) for item in found.items],
            "next": None if found.next is None else _cursor(found.next, filters),
        }
    )


def position(filters: Document, cursor: str | None) -> list[Any] | None:
    """The position that a cursor stands for.

    :raises InvalidCursor: it was not given out for this list with these filters.
    """
    if cursor is None:
        return None
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidCursor("This cursor is damaged; start again without it.") from error
    check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    if check != _check(body, filters):
        raise InvalidCursor(
            "This cursor belongs to another list or other filters; start again without it."
        )
    try:
        values = [_position_value(value) for value in orjson.loads(body)]
    except (ValueError, TypeError, KeyError, OverflowError):
        # Anybody can work out the checksum, so what it vouches for may still be nonsense.
        values = []
    if not values:
        raise InvalidCursor("This cursor is damaged; start again without it.")
    return values


def _position_value(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["at"]).astimezone(UTC)
    if isinstance(value, list) or (isinstance(value, int) and value.bit_length() > 63):
        raise ValueError("The database keeps no such value.")
    return value


def _cursor(values: list[Any], filters: Document) -> str:
    body = orjson.dumps(
        [{"at": value.isoformat()} if isinstance(value, datetime) else value for value in values]
    )
    return urlsafe_b64encode(_check(body, filters) + body).rstrip(b"=").decode("ascii")


def _check(body: bytes, filters: Document) -> bytes:
    """A checksum that binds a position to its list.

    It keeps honest callers from mistakes; it is no secret.
    """
    context = orjson.dumps([request.path, filters], option=orjson.OPT_SORT_KEYS, default=str)
    return blake2b(body + context, digest_size=_CHECK_BYTES).digest()
