"""The filters of all lists: what to ask for by each, and which index serves two of them.

What `services.explain` and its test ask is decided here. Knows the services' collections.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from shared.document import Document

Values = tuple[tuple[str, ...], ...]
"""Values to ask for, the commonest first; each may be several, for filters that take many."""

Sample = Callable[[Database[Document]], Values]

MANY_IDS = 60


def leading(service: str, filters: frozenset[str]) -> str | None:
    """Of filters that no one index serves together, that whose index is read; else None.

    It finds few documents, each of which is looked at for the other filters.
    """
    if len(filters) < 2 or any(filters <= served for served in _TOGETHER.get(service, ())):
        return None
    return next((name for name in _LEADING.get(service, ()) if name in filters), None)


# Filters that one index serves, all of them at once.
_TOGETHER: Mapping[str, tuple[frozenset[str], ...]] = {
    "orders": (
        frozenset({"customer_id", "placed_from", "placed_to"}),
        frozenset({"sku", "status", "placed_from", "placed_to"}),
        frozenset({"source", "status", "placed_from", "placed_to"}),
        frozenset({"number", "source"}),
    )
}
# Of other filters, the first of these is looked up in its index.
_LEADING: Mapping[str, tuple[str, ...]] = {
    "customers": ("id", "email", "external_id", "phone", "last_name", "q", "interest"),
    "orders": ("number", "customer_id", "sku"),
}


def _values(collection: str, field: str, *, otherwise: str) -> Sample:
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


def _ids(database: Database[Document]) -> Values:
    found = [one["_id"] for one in database.customers.find({}, {"_id": 1}).limit(MANY_IDS)]
    return (tuple(found[:1]) or ("0" * 24,), (*found, "0" * 24))


def _beginnings(database: Database[Document]) -> Values:
    names = [
        value for (value,) in _values("customers", "keys.last_name", otherwise="müller")(database)
    ]
    beginnings = [part for name in names for part in (name[:1], name[:3].upper(), name)]
    return tuple((part,) for part in dict.fromkeys([*beginnings, "MÜL", "zzz"]))


def _time(share: float, otherwise: str) -> Sample:
    """The time before which this share of all orders was placed."""

    def sample(database: Database[Document]) -> Values:
        count = database.orders.estimated_document_count()
        found: Any = database.orders.find_one(
            {}, {"placed_at": 1}, sort=[("placed_at", ASCENDING)], skip=int(count * share)
        )
        at: datetime | None = found and found["placed_at"]
        return ((at.isoformat() if at else otherwise,),)

    return sample


def _busiest(database: Database[Document]) -> str | None:
    """The customer of whose journal there is most; any, where there are none yet."""
    stages: list[Document] = [
        {"$group": {"_id": "$customer_id", "n": {"$sum": 1}}},
        {"$sort": {"n": -1, "_id": 1}},
        {"$limit": 1},
    ]
    found = next(iter(database.journal.aggregate(stages)), None) or database.customers.find_one({})
    return None if found is None else str(found["_id"])


# Service → a name in the path of a list → what to put there, if there is anything.
PLACES: Mapping[str, Mapping[str, Callable[[Database[Document]], str | None]]] = {
    "customers": {"id": _busiest},
}
SAMPLES: Mapping[str, Mapping[str, Sample]] = {
    "customers": {
        "id": _ids,
        "last_name": _values("customers", "keys.last_name", otherwise="nobody"),
        "email": _values("customers", "emails.address", otherwise="nobody@example.com"),
        "phone": _values("customers", "phones.number", otherwise="+442079460958"),
        "external_id": _values("customers", "external_id", otherwise="none"),
        "tag": _values("customers", "tags", otherwise="none"),
        "interest": _values("customers", "interests", otherwise="none"),
        "q": _beginnings,
        # Of a journal.
        "kind": _values("journal", "kind", otherwise="meeting"),
    },
    "orders": {
        "customer_id": _values("orders", "customer_id", otherwise="0" * 24),
        "status": lambda _: (("delivered",), ("placed",), ("cancelled",)),
        "sku": _values("orders", "lines.sku", otherwise="none"),
        "placed_from": _time(0.25, "2024-01-01T00:00:00Z"),
        "placed_to": _time(0.75, "2024-07-01T00:00:00Z"),
        "number": _values("orders", "number", otherwise="none"),
        "source": _values("orders", "source", otherwise="none"),
    },
}
