"""Checks the events that wait for a receipt, and the dead letters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo.database import Database

from shared.doctor.findings import ASKS, Finding, bad, good, look, span
from shared.document import Document
from shared.events.outbox import OUTBOX_INDEX
from shared.identifiers import is_id
from shared.messaging.inbox import DEAD_LETTERS
from shared.mongo.collections import Collection

SLOW_SECONDS = 60.0
STUCK_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The events of one name that wait for the receipt of one subscriber."""

    name: str
    subscriber: str
    unsent: int
    """Never sent yet."""
    unconfirmed: int
    """Sent at least once."""
    age: float
    """Seconds since the oldest happened."""


def waiting(
    database: Database[Document], declared: tuple[Collection, ...], *, now: datetime
) -> list[Waiting]:
    """The waiting events by name and subscriber, with their age."""
    return [
        Waiting(
            name=group["_id"]["name"],
            subscriber=group["_id"]["to"],
            unsent=group["unsent"],
            unconfirmed=group["n"] - group["unsent"],
            age=max(0.0, (now - _happened_at(group["oldest"], now)).total_seconds()),
        )
        for collection in declared
        if collection.outbox
        for group in _waiting(database, collection.name)
    ]


def unconfirmed(
    database: Database[Document], declared: tuple[Collection, ...], *, now: datetime
) -> Iterator[Finding]:
    """A finding for the waiting events of each name and subscriber."""
    subject = f"{database.name} events"
    groups = waiting(database, declared, now=now)
    if not groups:
        yield good(subject, "none waits")
    for group in groups:
        count = group.unsent + group.unconfirmed
        state = f"{count:,} {group.name} for {group.subscriber}, the oldest since {span(group.age)}"
        if group.age < SLOW_SECONDS:
            yield good(subject, state)
            continue
        advice = (
            "See whether Redis, this service's relay and the worker of "
            f"{group.subscriber} run, and what they log; the events go out by themselves once they "
            "do."
        )
        is_stuck = group.age > STUCK_SECONDS
        yield bad(subject, state, advice) if is_stuck else look(subject, state, advice)


def dead_letters(database: Database[Document]) -> Iterator[Finding]:
    """A finding for the dead letters of each name, with the last reason."""
    subject = f"{database.name} dead letters"
    groups = list(
        database[DEAD_LETTERS.name].aggregate(
            [
                {"$sort": {"parked_at": 1}},
                {
                    "$group": {
                        "_id": "$delivery.name",
                        "n": {"$sum": 1},
                        "error": {"$last": "$error"},
                        "last": {"$last": "$_id"},
                    }
                },
                {"$sort": {"_id": 1}},
            ],
            comment=ASKS,
        )
    )
    if not groups:
        yield good(subject, "none")
    for group in groups:
        yield bad(
            subject,
            f"{group['n']:,} {group['_id']}; the last, {group['last']}: {group['error'][:120]}",
            "Their effect is missing in this service; make dead-letters says what to do.",
        )


def _happened_at(event_id: str, now: datetime) -> datetime:
    """The time of an event by its id, which is made then; `due_at` moves when it is sent."""
    return ObjectId(event_id).generation_time if is_id(event_id) else now


def _waiting(database: Database[Document], name: str) -> list[Document]:
    return list(
        database[name].aggregate(
            [
                {"$match": {"outbox.to": {"$exists": True}}},
                {"$unwind": "$outbox"},
                {
                    "$group": {
                        "_id": {"name": "$outbox.name", "to": "$outbox.to"},
                        "n": {"$sum": 1},
                        "unsent": {"$sum": {"$cond": [{"$eq": ["$outbox.sent", 0]}, 1, 0]}},
                        "oldest": {"$min": "$outbox.id"},
                    }
                },
                {"$sort": {"_id": 1}},
            ],
            hint=OUTBOX_INDEX.document["name"],
            comment=ASKS,
        )
    )
