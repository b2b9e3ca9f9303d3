"""Examples of what a list may be asked for, taken from the data that are there.

`make explain` asks for them. Knows no collection by name.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from shared.document import Document

Values = tuple[tuple[str, ...], ...]
"""Values to ask for, the commonest first; each may be several, for filters that take many."""

Sample = Callable[[Database[Document]], Values]

Place = Callable[[Database[Document]], str | None]
"""Finds an example for a place of an address, or None where nothing is there."""


def commonest(collection: str, field: str, *, otherwise: str) -> Sample:
    """The commonest and the rarest value of a field, and one that nobody has."""

    def sample(database: Database[Document]) -> Values:
        groups: list[Document] = [
            {"$match": {field: {"$gt": ""}}},
            {"$project": {"value": f"${field}"}},
            {"$unwind": "$value"},
            {"$group": {"_id": "$value", "n": {"$sum": 1}}},
        ]
        found: list[str] = []
        for direction in (-1, 1):
            order = {"$sort": {"n": direction, "_id": direction}}
            for group in database[collection].aggregate([*groups, order, {"$limit": 1}]):
                found.append(group["_id"])
        return tuple((value,) for value in dict.fromkeys([*found, otherwise]))

    return sample


def always(*values: str) -> Sample:
    """These values, whatever the data are; the commonest first."""
    return lambda _: tuple((value,) for value in values)


def share_of(collection: str, field: str, share: float, *, otherwise: str) -> Sample:
    """The time before which this share of all documents has its `field`."""

    def sample(database: Database[Document]) -> Values:
        count = database[collection].estimated_document_count()
        found: Any = database[collection].find_one(
            {}, {field: 1}, sort=[(field, ASCENDING)], skip=int(count * share)
        )
        at: datetime | None = found and found[field]
        return ((at.isoformat() if at else otherwise,),)

    return sample
