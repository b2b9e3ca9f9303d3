"""Dead letters of one service: listed, and redelivered under the same event ids.

A letter that is redelivered becomes an event in its own outbox, which the service's relay sends to
the service itself until there is a receipt, like any other. So a lost message costs nothing, and
asking twice does no harm. The letter is deleted when the event has been handled. Knows no handler.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pymongo.database import Database

from shared.document import Document
from shared.events.delivery import FORGED, Delivery
from shared.events.event import Event, EventMalformed
from shared.messaging.inbox import DEAD_LETTERS, FORGED_IDS, INBOX


class Replay(Enum):
    """The outcome of asking for a redelivery, in words that follow the name of a letter."""

    SENT = "is sent again"
    WAITS = "is being sent again already"
    DONE = "had its effect already, and is forgotten"
    FORGED = "is forged: nobody of Kith sent it, so it is not sent; make forget-forged deletes it"
    BROKEN = "is malformed; have its sender republish its state: make resync"
    UNKNOWN = "is not among the dead letters"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A dead-lettered event, and why it is one."""

    id: str
    event: str
    """Its name, or "unreadable"."""
    source: str
    """The document that published it."""
    error: str
    parked_at: datetime
    waits: bool
    """True if it is being redelivered."""

    @property
    def remedy(self) -> str:
        """The next step for an operator."""
        if self.waits:
            return "It is being redelivered; wait."
        if self.error.startswith(FORGED):
            return (
                "Find out who can write to Redis; it had no effect. What the last release sent is "
                "sent again, signed. Then: make forget-forged"
            )
        if self.error.startswith(("It is malformed", "It happened")):
            return "Have its sender republish the state of its documents: make resync"
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
        """The number of dead letters."""
        return self._letters.count_documents({})

    def search(
        self, *, since: datetime | None = None, ids: list[str] | None = None
    ) -> Iterator[Letter]:
        """Those dead-lettered since a moment, or with these ids; the oldest first."""
        query: Document = {} if since is None else {"parked_at": {"$gte": since}}
        if ids is not None:
            query["_id"] = {"$in": ids}
        for document in self._letters.find(query).sort("parked_at", 1):
            yield _letter(document)

    def replay(self, id: str, *, now: datetime) -> Replay:
        """Redeliver an event, with all its attempts before it."""
        document = self._letters.find_one({"_id": id})
        if document is None:
            return Replay.UNKNOWN
        if document["error"].startswith(FORGED):
            # Sent again it would be signed, and so become genuine.
            return Replay.FORGED
        if self._inbox.find_one({"_id": id, "done_at": {"$exists": True}}, {"_id": 1}):
            self._letters.delete_one({"_id": id})
            return Replay.DONE
        delivery = document["delivery"]
        try:
            Delivery.check(delivery)
        except EventMalformed:
            return Replay.BROKEN
        # First, or it would be dead-lettered again the moment it comes.
        self._inbox.update_one({"_id": id}, {"$set": {"attempts": 0}, "$unset": {"error": ""}})
        outcome = self._letters.update_one(
            {"_id": id, "outbox.id": {"$ne": id}},
            {"$push": {"outbox": _entry(delivery, self._service, now)}},
        )
        return Replay.SENT if outcome.modified_count else Replay.WAITS

    def forget_forged(self) -> int:
        """Delete the letters of forgeries; returns how many there were."""
        return self._letters.delete_many(FORGED_IDS).deleted_count

    def forget_values(self, document_id: str, events: Iterable[type[Event]]) -> None:
        """Delete the letters about a document that hold values of it, now that it is deleted."""
        names = [event.__name__ for event in events if event.PRIVATE]
        self._letters.delete_many(
            {"delivery.document_id": document_id, "delivery.name": {"$in": names}}
        )


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
