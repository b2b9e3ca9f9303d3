"""Idempotency keys: the caller's key is kept inside the document that the request created.

Kept there, under a unique index, because the key and its effect then are one write: there is no
moment at which one exists without the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from pymongo import ASCENDING, IndexModel

from shared.document import Document
from shared.errors import FieldError, Invalid

REQUEST_SCHEMA: Document = {
    "bsonType": "object",
    "required": ["key", "fingerprint", "first"],
    "additionalProperties": False,
    "properties": {
        "key": {"bsonType": "string", "maxLength": 300},
        "fingerprint": {"bsonType": "string", "maxLength": 64},
        "first": {"bsonType": "object"},
    },
}
REQUEST_INDEX = IndexModel(
    [("request.key", ASCENDING)],
    name="request",
    unique=True,
    partialFilterExpression={"request.key": {"$gt": ""}},
)

BARE_REQUEST_SCHEMA: Document = REQUEST_SCHEMA | {
    "properties": REQUEST_SCHEMA["properties"]
    | {"first": {"bsonType": "object", "maxProperties": 0}}
}
BARE_REQUEST: Document = {
    "request": {
        "$cond": [
            {"$gt": ["$request", None]},
            {
                "key": "$request.key",
                "fingerprint": "$request.fingerprint",
                "first": {"$literal": {}},
            },
            "$$REMOVE",
        ]
    }
}
"""The part of the request that stays when its document is deleted, as an expression on that.

Without it, the same request sent again would create the document again.
"""


class IdempotencyKeyReused(Invalid):
    """The same Idempotency-Key came with another body."""


@dataclass(frozen=True)
class CreationRequest:
    """A POST that says which one it is.

    `key` holds the caller's id, so that callers cannot meet.
    """

    key: str
    fingerprint: str

    def stamp(self, first: Document) -> Document:
        """The fields that the created document keeps of the request.

        With those of the first answer that may change.
        """
        return {"request": {"key": self.key, "fingerprint": self.fingerprint, "first": first}}


def creation_request(key: str | None, *, caller_id: str, payload: Any) -> CreationRequest | None:
    """The request behind a POST with this key, or None without one.

    `payload` is what was asked for.
    """
    if key is None:
        return None
    body = orjson.dumps(payload, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return CreationRequest(f"{caller_id}:{key}", sha256(body).hexdigest())


def first_answer(
    request: CreationRequest | None, find: Callable[[str], Document | None]
) -> Document | None:
    """The document that this request created before, as it was then, or None if it created none.

    `find` reads, by request key, what callers see plus `request`.

    :raises IdempotencyKeyReused: the key came with another body then.
    """
    document = None if request is None else find(request.key)
    if request is None or document is None:
        return None
    stored = document.pop("request")
    if stored["fingerprint"] != request.fingerprint:
        message = "This Idempotency-Key was used for another request; send a new one."
        raise IdempotencyKeyReused(message, errors=(FieldError("Idempotency-Key", message),))
    return {**document, **stored["first"], "version": 1}
