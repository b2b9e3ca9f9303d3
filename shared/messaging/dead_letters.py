"""What one service could not hear: to be looked at, and to be heard again under the same ids.

A letter that is replayed becomes an event in its own outbox, which the service's relay sends to the
service itself until there is a receipt, like any other. So a lost message costs nothing, and asking
twice does no harm. The letter goes when the event has had its effect.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pymongo.database import Database

from shared.document import Document
from shared.events.delivery import Delivery
from shared.events.event import EventMalformed
from shared.messaging.inbox import DEAD_LETTERS, INBOX


class Replay(Enum):
    """What came of asking for a letter to be heard again."""

    SENT = "is sent again"
    WAITS = "is being sent again already"
    DONE = "had its effect already, and is forgotten"
    BROKEN = "is no event that could be read; have its sender tell its state anew: make resync"
    UNKNOWN = "is not among the dead letters"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An event that was put aside, and why."""

    id: str
    event: str
    """Its name; of what could not be read, that."""
    source: str
    """The document that told it."""
    error: str
    parked_at: datetime
    waits: bool
    """Whether it is on its way to be heard again."""

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.waits:
            return "It is being heard again; wait."
        if self.error.startswith(("It is malformed", "It happened")):
            return "Have its sender tell the state of its documents anew: make resync"
        if self.error.startswith("EventUnknown"):
            return f"Start newer workers, then: make replay ID={self.id}"
        return f"Mend the reason, then: make replay ID={self.id}"


class DeadLetters:
    """The dead letters of one service."""

    def __init__(self, database: Database[Document], service: str) -> None:
        self._letters = database[DEAD_LETTERS.name]
        self._inbox = database[INBOX.name]
        self._service = service

    def count(self) -> int:
        """How many there are."""
        return self._letters.count_documents({})

    def search(
        self, *, since: datetime | None = None, ids: list[str] | None = None
    ) -> Iterator[Letter]:
        """Those parked since a moment, or with these ids; the oldest first."""
        query: Document = {} if since is None else {"parked_at": {"$gte": since}}
        if ids is not None:
            query["_id"] = {"$in": ids}
        for document in self._letters.find(query).sort("parked_at", 1):
            yield _letter(document)

    def replay(self, id: str, *, now: datetime) -> Replay:
        """Have an event heard again, with all its tries before it."""
        document = self._letters.find_one({"_id": id})
        if document is None:
            return Replay.UNKNOWN
        if self._inbox.find_one({"_id": id, "done_at": {"$exists": True}}, {"_id": 1}):
            self._letters.delete_one({"_id": id})
            return Replay.DONE
        delivery = document["delivery"]
        try:
            Delivery.check(delivery)
        except EventMalformed:
            return Replay.BROKEN
        # First, or it would be parked again the moment it comes.
        self._inbox.update_one({"_id": id}, {"$set": {"attempts": 0}, "$unset": {"error": ""}})
        outcome = self._letters.update_one(
            {"_id": id, "outbox.id": {"$ne": id}},
            {"$push": {"outbox": _entry(delivery, self._service, now)}},
        )
        return Replay.SENT if outcome.modified_count else Replay.WAITS


def _entry(delivery: Document, service: str, now: datetime) -> Document:
    names = ("id", "name", "schema", "data")
    entry = {name: delivery[name] for name in names} | {"to": service, "sent": 0, "due_at": now}
    request_id = delivery.get("request_id")
    return entry if request_id is None else {**entry, "request_id": request_id}


def _letter(document: Document) -> Letter:
    delivery = document["delivery"]
    return Letter(
        id=document["_id"],
        event=delivery.get("name", "unreadable"),
        source=".".join(
            str(delivery.get(name, "?")) for name in ("sender", "collection", "document_id")
        ),
        error=document["error"],
        parked_at=document["parked_at"],
        waits=bool(document.get("outbox")),
    )
