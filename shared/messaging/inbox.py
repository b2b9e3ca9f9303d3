"""Inbox of one service: attempts by event id, what is done, and the dead letters.

An attempt is counted before the handler runs, in the database, so that an event which kills its
worker is counted too. After `MAX_ATTEMPTS` it is in `dead_letters` and no longer holds up others.
Knows no handler.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from pymongo import IndexModel, UpdateOne
from pymongo.database import Database

from shared.document import Document
from shared.events.outbox import OUTBOX_SCHEMA
from shared.messaging.retries import MAX_ATTEMPTS
from shared.mongo.collections import Collection

REMEMBERED = timedelta(days=90)
"""The time for which a done event is known as done.

The server forgets it a little later, never earlier. An event is done after it happened, so one that
happened less than `MAX_AGE` ago is still known if it was done.
"""
MAX_AGE = REMEMBERED - timedelta(days=1)
"""Events older than this are dead-lettered: the inbox no longer knows whether they were handled.

A day less than is remembered, for the clocks of two machines may differ.
"""

_UNKNOWN: Document = {"attempts": 0}
_NO_ERROR = "its worker died or ran out of time"
_TEXT = {"bsonType": "string"}

INBOX = Collection(
    name="inbox",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "attempts", "seen_at"],
            "additionalProperties": False,
            "properties": {
                "_id": _TEXT,
                "attempts": {"bsonType": "int", "minimum": 0},
                "seen_at": {"bsonType": "date"},
                "done_at": {"bsonType": "date"},
                "error": _TEXT,
            },
        }
    },
    indexes=(
        IndexModel(
            [("done_at", 1)], name="forget_done", expireAfterSeconds=int(REMEMBERED.total_seconds())
        ),
    ),
)

DEAD_LETTERS = Collection(
    name="dead_letters",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "delivery", "error", "parked_at"],
            "additionalProperties": False,
            "properties": {
                "_id": _TEXT,
                "delivery": {"bsonType": "object"},
                "error": _TEXT,
                "parked_at": {"bsonType": "date"},
                "outbox": OUTBOX_SCHEMA,
            },
        }
    },
    indexes=(IndexModel([("parked_at", 1)], name="parked_at"),),
    # One that is redelivered is sent by the relay, like any event, until its receipt comes.
    outbox=True,
)

FORGED_IDS: Document = {"_id": {"$gte": "forged-", "$lt": "forged."}}
"""A query for the dead letters of forgeries, by the beginning of their ids."""

COLLECTIONS = (INBOX, DEAD_LETTERS)


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """Deliveries by what the inbox knows of their events."""

    done: list[Document]
    fresh: list[Document]
    again: list[tuple[Document, int]]
    """Those tried before, with the number of attempts, the least tried first."""
    spent: list[tuple[Document, str]]
    """Those with no attempt left, with the reason why the last one failed."""


class Inbox:
    """The record of handled events in one service's database."""

    def __init__(self, database: Database[Document]) -> None:
        self._inbox = database[INBOX.name]
        self._dead_letters = database[DEAD_LETTERS.name]

    def recall(self, deliveries: Sequence[Document]) -> Recalled:
        """Look up what is known of the events of these deliveries, and sort them by it."""
        found = self._inbox.find({"_id": {"$in": [delivery["id"] for delivery in deliveries]}})
        known = {entry["_id"]: entry for entry in found}
        recalled = Recalled(done=[], fresh=[], again=[], spent=[])
        for delivery in deliveries:
            entry = known.get(delivery["id"], _UNKNOWN)
            if "done_at" in entry:
                recalled.done.append(delivery)
            elif not entry["attempts"]:
                recalled.fresh.append(delivery)
            elif entry["attempts"] < MAX_ATTEMPTS:
                recalled.again.append((delivery, entry["attempts"]))
            else:
                recalled.spent.append((delivery, entry.get("error", _NO_ERROR)))
        recalled.again.sort(key=itemgetter(1))
        return recalled

    def count_attempt(self, ids: list[str]) -> None:
        """Note that these events are about to be handled."""
        now = datetime.now(UTC)
        self._inbox.bulk_write(
            [
                UpdateOne(
                    {"_id": id},
                    {"$inc": {"attempts": 1}, "$setOnInsert": {"seen_at": now}},
                    upsert=True,
                )
                for id in ids
            ],
            ordered=False,
        )

    def mark_done(self, ids: list[str]) -> None:
        """Note that these events have had their effect."""
        self._inbox.update_many(
            {"_id": {"$in": ids}}, {"$set": {"done_at": datetime.now(UTC)}, "$unset": {"error": ""}}
        )

    def uncount_attempt(self, id: str) -> None:
        """Take back a counted attempt: the time was not right, and the event is not to blame."""
        self._inbox.update_one({"_id": id, "attempts": {"$gt": 0}}, {"$inc": {"attempts": -1}})

    def mark_failed(self, id: str, error: str) -> None:
        """Note why the last attempt at an event failed."""
        self._inbox.update_one({"_id": id}, {"$set": {"error": error}})

    def dead_letter(self, delivery: Document, error: str) -> None:
        """Keep a delivery as a dead letter, with the reason.

        One that was dead-lettered before stays as it came then; the reason is the latest.
        """
        self._dead_letters.update_one(
            {"_id": delivery["id"]},
            {
                "$set": {"error": error},
                "$setOnInsert": {"delivery": delivery, "parked_at": datetime.now(UTC)},
            },
            upsert=True,
        )

    def count_forged(self, *, most: int) -> int:
        """The number of forgeries among the dead letters; `most` is as far as it counts."""
        return self._dead_letters.count_documents(FORGED_IDS, limit=most)

    def forget_dead_letters(self, deliveries: Sequence[Document]) -> None:
        """Delete the dead letters from which some of these, now done, were redelivered."""
        ids = [one["id"] for one in deliveries if one["collection"] == DEAD_LETTERS.name]
        if ids:
            self._dead_letters.delete_many({"_id": {"$in": ids}})
