"""What a service has heard: attempts by event id, what is done, and what had to be parked.

An attempt is counted before the handler runs, in the database, so that an event which kills its
worker is counted too. After `MAX_ATTEMPTS` it lies in `dead_letters` and no longer holds up
others.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pymongo import IndexModel, UpdateOne
from pymongo.database import Database

from shared.document import Document
from shared.events.outbox import OUTBOX_SCHEMA
from shared.mongo.collections import Collection

MAX_ATTEMPTS = 5
REMEMBERED = timedelta(days=90)
"""How long a done event is known as done.

The server forgets it a little later, never earlier. An event is done after it happened, so one that
happened less than `OLDEST` ago is still known if it was done.
"""
OLDEST = REMEMBERED - timedelta(days=1)
"""The age from which an event is put aside: nobody can say any more whether it was done.

A day less than is remembered, for the clocks of two machines may differ.
"""

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
    # One that is to be heard again is sent by the relay, like any event, until its receipt comes.
    outbox=True,
)

COLLECTIONS = (INBOX, DEAD_LETTERS)


@dataclass(frozen=True)
class Attempts:
    """What the inbox says of some events: which are done, and how often the others were tried."""

    done: frozenset[str]
    tried: dict[str, int]
    spent: frozenset[str]
    errors: dict[str, str]


class Inbox:
    """The record of heard events in one service's database."""

    def __init__(self, database: Database[Document]) -> None:
        self._inbox = database[INBOX.name]
        self._dead_letters = database[DEAD_LETTERS.name]

    def recall(self, ids: list[str]) -> Attempts:
        """What is known of these events."""
        known = list(self._inbox.find({"_id": {"$in": ids}}))
        waiting = [entry for entry in known if "done_at" not in entry]
        return Attempts(
            done=frozenset(entry["_id"] for entry in known if "done_at" in entry),
            tried={entry["_id"]: entry["attempts"] for entry in waiting if entry["attempts"]},
            spent=frozenset(entry["_id"] for entry in waiting if entry["attempts"] >= MAX_ATTEMPTS),
            errors={
                entry["_id"]: entry.get("error", "its worker died or ran out of time")
                for entry in waiting
            },
        )

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
        """Put an event aside, with the reason.

        One that was parked before keeps what it was then; the reason is the latest.
        """
        self._dead_letters.update_one(
            {"_id": delivery["id"]},
            {
                "$set": {"error": error},
                "$setOnInsert": {"delivery": delivery, "parked_at": datetime.now(UTC)},
            },
            upsert=True,
        )

    def forget_dead_letters(self, ids: list[str]) -> None:
        """Forget dead letters that were sent again and have had their effect."""
        self._dead_letters.delete_many({"_id": {"$in": ids}})
