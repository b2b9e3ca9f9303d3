"""Which events wait to be confirmed, since when, and which were put aside."""

from collections.abc import Iterator
from datetime import datetime

from bson import ObjectId
from pymongo.database import Database

from shared.database import OUTBOX_INDEX, Collection, Document
from shared.doctor.findings import ASKS, Finding, bad, good, look, span
from shared.inbox import DEAD_LETTERS

SLOW_SECONDS = 60.0
STUCK_SECONDS = 600.0


def unconfirmed(
    database: Database[Document], declared: tuple[Collection, ...], *, now: datetime
) -> Iterator[Finding]:
    """Of each kind of event and each hearer, how many wait and how long the oldest has."""
    subject = f"{database.name} events"
    groups = [
        group
        for collection in declared
        if collection.outbox
        for group in _waiting(database, collection.name)
    ]
    if not groups:
        yield good(subject, "none waits")
    for group in groups:
        # The id of an event is made when it happens; its `due_at` moves whenever it is sent.
        age = (now - ObjectId(group["oldest"]).generation_time).total_seconds()
        kind, hearer = group["_id"]["name"], group["_id"]["to"]
        state = f"{group['n']:,} {kind} for {hearer}, the oldest since {span(max(0.0, age))}"
        if age < SLOW_SECONDS:
            yield good(subject, state)
            continue
        advice = (
            f"See whether Redis, this service's relay and the worker of {hearer} run, and what "
            "they log; the events go out by themselves once they do."
        )
        yield bad(subject, state, advice) if age > STUCK_SECONDS else look(subject, state, advice)


def dead_letters(database: Database[Document]) -> Iterator[Finding]:
    """What was given up after several tries, by kind, with the last reason."""
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
            "What they tell is missing in this service; mend the reason and have it told again.",
        )


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
                        "oldest": {"$min": "$outbox.id"},
                    }
                },
                {"$sort": {"_id": 1}},
            ],
            hint=OUTBOX_INDEX.document["name"],
            comment=ASKS,
        )
    )
