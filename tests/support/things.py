"""A made-up service with one collection, to test what every service stands on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import IndexModel

from shared.document import Document
from shared.events.event import Event
from shared.events.outbox import OUTBOX_SCHEMA
from shared.idempotency import REQUEST_INDEX, REQUEST_SCHEMA
from shared.identifiers import new_id
from shared.messaging import inbox
from shared.mongo.collections import Collection
from shared.mongo.paging import Keys, Range
from shared.mongo.repository import Repository, Subscribers

BY_SIZE: Keys = (("kind", 1), ("size", -1), ("_id", -1))


@dataclass(frozen=True, kw_only=True)
class ThingChanged(Event):
    """A thing is as this event says."""

    thing_id: str
    size: int


@dataclass(frozen=True, kw_only=True)
class ThingLost(Event):
    """A thing is gone."""

    thing_id: str


EVENTS: dict[str, type[Event]] = {"ThingChanged": ThingChanged, "ThingLost": ThingLost}
SUBSCRIBERS: Subscribers = {ThingChanged: ("things", "others"), ThingLost: ("others",)}

THINGS = Collection(
    name="things",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "kind", "size", "version", "outbox"],
            "additionalProperties": False,
            "properties": {
                "_id": {"bsonType": "string"},
                "kind": {"bsonType": "string"},
                "size": {"bsonType": ["int", "null"]},
                "note": {"bsonType": "string"},
                "deleted_at": {"bsonType": "date"},
                "version": {"bsonType": "int", "minimum": 1},
                "request": REQUEST_SCHEMA,
                "outbox": OUTBOX_SCHEMA,
            },
        }
    },
    indexes=(IndexModel(list(BY_SIZE), name="by_size"), REQUEST_INDEX),
    outbox=True,
)
COLLECTIONS = (THINGS, *inbox.COLLECTIONS)


class ThingRepository(Repository):
    """Things. Their notes are nobody's business."""

    collection_name = THINGS.name
    public = ("_id", "kind", "size", "version")


def thing(**fields: Any) -> Document:
    """A thing as it is stored: a small box, unless said otherwise."""
    return {"_id": new_id(), "kind": "box", "size": 1, "version": 1, **fields}


def changed(document: Document) -> ThingChanged:
    """The event that goes with a thing."""
    return ThingChanged(
        thing_id=document["_id"],
        size=document["size"],
        version=document["version"],
        occurred_at=datetime.now(UTC).isoformat(),
    )


def lost(document: Document) -> ThingLost:
    """The event that a thing is gone."""
    return ThingLost(
        thing_id=document["_id"],
        version=document["version"],
        occurred_at=datetime.now(UTC).isoformat(),
    )


def boxes(kind: str = "box", *, start: tuple[Any, ...] = (), stop: tuple[Any, ...] = ()) -> Range:
    """All things of a kind, the largest first."""
    return Range(index="by_size", keys=BY_SIZE, equal=(kind,), start=start, stop=stop)


def added(things: ThingRepository, count: int) -> list[Document]:
    """New things that were lost, of which only others are to know."""
    made = [thing() for _ in range(count)]
    if count == 1:
        things.insert(made[0], lost(made[0]))
    else:
        things.collection.insert_many(
            [{**each, "outbox": things.outbox(lost(each))} for each in made]
        )
    return made


def waiting(things: ThingRepository) -> list[Document]:
    """The entries that wait in the outboxes of things, the oldest first."""
    found = things.collection.find({"outbox": {"$ne": []}}).sort("_id")
    return [entry for document in found for entry in document["outbox"]]
