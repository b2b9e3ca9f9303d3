"""Slow queries in the server's profile, and the switch of that profile."""

from collections.abc import Iterator

from pymongo.database import Database

from shared.doctor.findings import ASKS, Finding, good, look
from shared.document import Document

SHOWN = 3
SLOW_MS = 100
WASTE = 10
"""Documents read for each one returned, beyond which an index is likely to be missing."""


def note_slow_queries(database: Database[Document], *, milliseconds: int | None) -> None:
    """Have the server note what takes longer than this, or nothing (None)."""
    if milliseconds is None:
        database.command("profile", 0)
    else:
        database.command("profile", 1, slowms=milliseconds)


def slowest(database: Database[Document]) -> Iterator[Finding]:
    """The shapes of queries that took longest of those that were noted."""
    subject = f"{database.name} slow queries"
    settings = database.command("profile", -1)
    shapes = list(_shapes(database))
    if not shapes:
        yield _none(subject, settings)
        return
    for shape in shapes:
        state = (
            f"{shape['ns']} {shape['op']} {shape['plan']}: {shape['n']:,} times, "
            f"{shape['average']:.0f} ms, at most {shape['longest']:,} ms; "
            f"{shape['documents']:,.0f} documents read for {shape['returned']:,.0f}"
        )
        wasteful = shape["documents"] > WASTE * max(shape["returned"], 1)
        if shape["average"] < SLOW_MS and not wasteful:
            yield good(subject, state)
        else:
            yield look(
                subject,
                state,
                "See with `make explain` whether an index serves it; if one does, the server or "
                "its disk has too much to do.",
            )


def _none(subject: str, settings: Document) -> Finding:
    if settings["was"] == 0:
        return good(
            subject,
            "not noted",
            f"`make doctor PROFILE={SLOW_MS}` has the server note those that take "
            f"{SLOW_MS} ms and more, `PROFILE=off` ends it.",
        )
    return good(subject, f"none took {settings['slowms']} ms")


def _shapes(database: Database[Document]) -> Iterator[Document]:
    return iter(
        database["system.profile"].aggregate(
            [
                {
                    "$match": {
                        "op": {"$in": ["query", "command", "getmore", "update", "remove"]},
                        "planSummary": {"$exists": True},
                        "command.comment": {"$ne": ASKS},
                        "originatingCommand.comment": {"$ne": ASKS},
                        "ns": {"$not": {"$regex": r"\.system\.profile$"}},
                    }
                },
                {
                    "$group": {
                        "_id": {
                            "ns": "$ns",
                            "op": "$op",
                            "plan": "$planSummary",
                            "shape": "$queryHash",
                        },
                        "n": {"$sum": 1},
                        "average": {"$avg": "$millis"},
                        "longest": {"$max": "$millis"},
                        "documents": {"$avg": {"$ifNull": ["$docsExamined", 0]}},
                        "returned": {"$avg": {"$ifNull": ["$nreturned", "$nMatched", 0]}},
                    }
                },
                {"$sort": {"average": -1}},
                {"$limit": SHOWN},
                {"$replaceWith": {"$mergeObjects": ["$$ROOT", "$_id"]}},
            ],
            comment=ASKS,
        )
    )
