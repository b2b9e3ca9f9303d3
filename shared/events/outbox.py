"""Outbox entries: events that wait inside a document, and the index that finds them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import IndexModel

from shared.document import Document
from shared.events.event import Event
from shared.identifiers import new_id

# By subscriber first, so that what waits for one whose queue is full is not read through to find
# what waits for another. Sparse: a document with nothing to send, an empty outbox included, has no
# entry, so the relay's question stays as cheap as the number of waiting events however large the
# collection grows.
OUTBOX_INDEX = IndexModel([("outbox.to", 1), ("outbox.due_at", 1)], name="outbox_due", sparse=True)


OUTBOX_SCHEMA: Document = {
    "bsonType": "array",
    "items": {
        "bsonType": "object",
        "required": ["id", "to", "name", "schema", "data", "sent", "due_at"],
        "additionalProperties": False,
        "properties": {
            "id": {"bsonType": "string"},
            "to": {"bsonType": "string"},
            "name": {"bsonType": "string"},
            "schema": {"bsonType": "int", "minimum": 1},
            "data": {"bsonType": "object"},
            "sent": {"bsonType": "int", "minimum": 0},
            "due_at": {"bsonType": "date"},
            "request_id": {"bsonType": "string"},
        },
    },
}


def outbox_entries(
    events: tuple[Event, ...],
    subscribers: dict[type[Event], tuple[str, ...]],
    *,
    now: datetime,
    request_id: str | None = None,
) -> list[dict[str, Any]]:
    """The entries that a document's outbox takes for `events`: one for each subscriber of each.

    Not one entry with a list of subscribers, so that a receipt is a plain `$pull`.
    """
    entries = []
    origin = {} if request_id is None else {"request_id": request_id}
    for event in events:
        event_id = new_id()
        for subscriber in subscribers[type(event)]:
            entries.append(
                {
                    "id": event_id,
                    "to": subscriber,
                    "name": type(event).__name__,
                    "schema": event.schema,
                    "data": asdict(event),
                    "sent": 0,
                    "due_at": now,
                    **origin,
                }
            )
    return entries
