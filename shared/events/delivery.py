"""Validates messages from a queue: sound deliveries apart from malformed ones."""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, cast

import bson
import orjson
from bson.errors import BSONError

from shared.document import Document
from shared.events.event import EventMalformed, convert

_MAX_LENGTH = 10_000
_ADDRESS = ("sender", "collection", "document_id")


def sort_out(received: object) -> tuple[list[Document], list[tuple[Document, str]]]:
    """The sound deliveries of a message; and the malformed ones as they can be kept, with reasons.

    A malformed one has an id in any case, the same each time it comes; and it names its source if
    that can be read, so that a receipt can end its sending.
    """
    sound: list[Document] = []
    broken: list[tuple[Document, str]] = []
    for raw in received if isinstance(received, list) else [received]:
        try:
            delivery = Delivery.check(raw)
            # What MongoDB cannot store could be neither remembered nor dead-lettered.
            bson.encode(delivery)
            sound.append(delivery)
        except (EventMalformed, BSONError, ValueError, OverflowError, RecursionError) as error:
            broken.append((_kept(raw), f"It is malformed: {error}"[:500]))
    return sound, broken


def _kept(raw: object) -> Document:
    text = _text(raw)
    known = raw if isinstance(raw, dict) else {}
    kept = {name: known[name] for name in ("id", *_ADDRESS) if _is_plain(known.get(name))}
    address = kept if kept.keys() >= {"id", *_ADDRESS} else {}
    made_up = f"malformed-{sha256(text.encode()).hexdigest()[:32]}"
    return {"id": kept.get("id", made_up), **address, "text": text[:_MAX_LENGTH]}


def _is_plain(value: object) -> bool:
    """True if it is a text that can be an id or a name."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= 200


def _text(raw: object) -> str:
    """Anything as a text that can be stored."""
    try:
        return orjson.dumps(raw, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        return ascii(raw)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event on its way to one service: the envelope around the event's data."""

    id: str
    name: str
    schema: int
    sender: str
    collection: str
    document_id: str
    data: dict[str, Any]
    request_id: str | None = None
    """The request by which it happened, so that logs of all services can be read together."""

    @classmethod
    def check(cls, raw: object) -> dict[str, Any]:
        """Data from a queue, unchanged, newer fields included, if it is a delivery.

        :raises EventMalformed: it is not.
        """
        convert(raw, cls)
        return cast(dict[str, Any], raw)


def delivery(
    entry: dict[str, Any], *, sender: str, collection: str, document_id: str
) -> dict[str, Any]:
    """An outbox entry as the message that carries it."""
    return asdict(
        Delivery(
            id=entry["id"],
            name=entry["name"],
            schema=entry["schema"],
            sender=sender,
            collection=collection,
            document_id=document_id,
            data=entry["data"],
            request_id=entry.get("request_id"),
        )
    )
