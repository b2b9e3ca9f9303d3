"""Validates messages from a queue: genuine and sound deliveries, apart from all others."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, cast

import bson
import orjson
from bson.errors import BSONError

from shared.document import Document
from shared.events.event import EventMalformed, convert
from shared.events.signature import Signer

FORGED = "It is forged"
"""How the reason begins why something that nobody of us signed was dead-lettered."""

_MAX_LENGTH = 10_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ADDRESS = ("sender", "collection", "document_id")


def sort_out(received: Iterable[object]) -> tuple[list[Document], list[tuple[Document, str]]]:
    """The sound ones of what was signed; and the malformed ones as they can be kept, with reasons.

    A malformed one has an id in any case, the same each time it comes; and it names its source if
    that can be read, so that a receipt can end its sending.
    """
    sound: list[Document] = []
    broken: list[tuple[Document, str]] = []
    for raw in received:
        try:
            delivery = Delivery.check(raw)
            # What MongoDB cannot store could be neither remembered nor dead-lettered.
            bson.encode(delivery)
            sound.append(delivery)
        except (EventMalformed, BSONError, ValueError, OverflowError, RecursionError) as error:
            broken.append((_kept(raw), f"It is malformed: {error}"[:500]))
    return sound, broken


def by_name(deliveries: Iterable[Document]) -> Iterable[list[Document]]:
    """Deliveries in groups of those with one name."""
    groups: dict[str, list[Document]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery["name"]].append(delivery)
    return groups.values()


def signed(delivery: Document, *, to: str, signer: Signer) -> Document:
    """A delivery as it is sent: with a signature of all its fields, for this one subscriber."""
    return {**delivery, "signature": signer.sign("event", to, delivery)}


def is_genuine(raw: object, *, to: str, signer: Signer) -> bool:
    """True if one of us made this delivery, for this subscriber, just as it is."""
    if not isinstance(raw, dict):
        return False
    content = {name: value for name, value in raw.items() if name != "signature"}
    return signer.has_signed(raw.get("signature"), "event", to, content)


def forgery(raw: object, *, what: str) -> tuple[Document, str]:
    """What nobody of us signed, as it can be kept, and why.

    Its id is made of its text: never the one that it claims, for then it could settle that event,
    or stand in the way of its dead letter. The text is not kept, for it may be an event of one of
    ours, altered or from before there were signatures, with values that are nobody's business.
    """
    text = _text(raw)
    claims = raw if isinstance(raw, dict) else {}
    said = {name: claims[name] for name in ("name", "id", *_ADDRESS) if _is_name(claims.get(name))}
    reason = "no key of ours made its signature" if claims.get("signature") else "it is not signed"
    claim = ", ".join(f"{name} {value}" for name, value in said.items())
    of_itself = f" It claims: {claim}." if claim else ""
    kept = {"id": _made_up("forged", text), "name": what, "length": len(text)}
    return kept, f"{FORGED}: {reason}.{of_itself}"[:500]


def _kept(raw: object) -> Document:
    text = _text(raw)
    known = raw if isinstance(raw, dict) else {}
    kept = {name: known[name] for name in ("id", *_ADDRESS) if _is_plain(known.get(name))}
    address = kept if kept.keys() >= {"id", *_ADDRESS} else {}
    made_up = _made_up("malformed", text)
    return {"id": kept.get("id", made_up), **address, "text": text[:_MAX_LENGTH]}


def _made_up(kind: str, text: str) -> str:
    return f"{kind}-{sha256(text.encode()).hexdigest()[:32]}"


def _is_plain(value: object) -> bool:
    """True if it is a text that can be an id or a name."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= 200


def _is_name(value: object) -> bool:
    """True if it may be shown: it has the form of our own ids and names, and of no address."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


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
