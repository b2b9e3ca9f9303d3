"""Handlers of the made-up service that record their events, and deliveries for them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from pymongo.database import Database

from shared.document import Document
from shared.events.delivery import signed
from shared.events.signature import Signer
from shared.identifiers import new_id
from shared.messaging.consumer import Handler
from shared.settings import load
from tests.support.things import ThingChanged, ThingLost


class Killed(BaseException):
    """The end of a process, as far as one process can play it."""


class RecordingHandlers:
    """Handlers that note what they were given, and fail where they are told to."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.failing: dict[Any, BaseException] = {}
        self.attempts: dict[Any, int] = {}
        self.requests: list[str | None] = []

    def join(self, _: Database[Document]) -> dict[type[Any], Handler]:
        """The made-up service's subscriptions."""
        return {ThingChanged: self.on_changed, ThingLost: self.on_lost}

    def on_changed(self, events: Sequence[ThingChanged]) -> None:
        """Note the sizes, and in whose name they come."""
        self.requests.append(structlog.contextvars.get_contextvars().get("request_id"))
        for event in events:
            self.attempts[event.size] = self.attempts.get(event.size, 0) + 1
            if event.size in self.failing:
                raise self.failing[event.size]
        self.batches.append([event.size for event in events])

    def on_lost(self, events: Sequence[ThingLost]) -> None:
        """Note the ids."""
        self.batches.append([f"lost {event.thing_id}" for event in events])


def delivery(
    size: int,
    *,
    id: str | None = None,
    name: str = "ThingChanged",
    sender: str = "things",
    to: str = "things",
    **data: Any,
) -> Document:
    """An event as it comes out of the queue of a service."""
    now = datetime.now(UTC).isoformat()
    usual: Document = {"thing_id": "t", "size": size, "version": 1, "occurred_at": now}
    if name == "ThingLost":
        usual = {"thing_id": str(size), "version": 1, "occurred_at": now}
    unsigned = {
        "id": id or new_id(),
        "name": name,
        "schema": 1,
        "sender": sender,
        "collection": "things",
        "document_id": new_id(),
        "data": {**usual, **data},
    }
    return sealed(unsigned, to=to)


def sealed(unsigned: Document, *, to: str = "things") -> Document:
    """A delivery, or one that was changed, with the signature that the relay would give it."""
    content = {name: value for name, value in unsigned.items() if name != "signature"}
    return signed(content, to=to, signer=Signer(load().event_keys))


def ids(deliveries: list[Document]) -> set[str]:
    """The ids of the events, in whatever order they were dealt with."""
    return {each["id"] for each in deliveries}
