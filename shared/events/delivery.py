"""What comes out of a queue, told apart: deliveries, and what is none."""

from hashlib import sha256
from typing import Any

import bson
import orjson
from bson.errors import BSONError

from shared.events.event import Delivery, EventMalformed

Document = dict[str, Any]

_LONGEST = 10_000
_ADDRESS = ("sender", "collection", "document_id")


def sorted_out(received: object) -> tuple[list[Document], list[tuple[Document, str]]]:
    """The deliveries of a message, and what is none in a form that can be kept, with the reason.

    The latter has an id in any case, the same each time it comes; and it says where it comes from
    if that can be told, so that it need not be sent again.
    """
    sound: list[Document] = []
    broken: list[tuple[Document, str]] = []
    for raw in received if isinstance(received, list) else [received]:
        try:
            delivery = Delivery.check(raw)
            # What MongoDB cannot store could neither be remembered nor put aside.
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
    return {"id": kept.get("id", made_up), **address, "text": text[:_LONGEST]}


def _is_plain(value: object) -> bool:
    """Whether it is text that can be an id or a name."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= 200


def _text(raw: object) -> str:
    """Whatever it is as text that can be stored."""
    try:
        return orjson.dumps(raw, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        return ascii(raw)
