"""What callers may look for in customers, in the terms of the database and its indexes."""

from collections.abc import Callable
from typing import Any

from pymongo import ASCENDING, DESCENDING

from services.customers.model.names import name_key
from shared.document import Document
from shared.mongo.paging import EARLIEST, Keys, Range
from shared.values.email import email_key

NEWEST: Keys = (("created_at", DESCENDING), ("_id", DESCENDING))
LAST_CHARACTER = "\U0010ffff"
"""No name goes on with a sign after this one."""

# Filter → its index, in which each value that is given finds one customer at most.
UNIQUE = {"id": "_id_", "email": "email", "external_id": "external_id"}

# Filter → the index that serves it, most selective first; the others narrow what that one finds.
_INDEXES: tuple[tuple[str, str, str], ...] = (
    ("phone", "phone", "phones.number"),
    ("last_name", "last_name", "keys.last_name"),
    ("interest", "interest", "interests"),
    ("tag", "tag", "tags"),
)


def is_by_name(filters: Document) -> bool:
    """Whether these filters are served best by the beginnings of names.

    Few share a phone or a last name, so those are looked at one by one for the beginning.
    """
    return "q" in filters and not filters.keys() & {"phone", "last_name"}


def range_of(filters: Document) -> Range:
    """The stretch of an index that serves these filters best."""
    for name, index, field in _INDEXES:
        if name in filters:
            value = name_key(filters[name]) if name == "last_name" else filters[name]
            return Range(index=index, keys=((field, ASCENDING), *NEWEST), equal=(value,))
    # What stays of a deleted customer has no created_at and lies before the earliest date.
    return Range(index="newest", keys=NEWEST, stop=(EARLIEST,))


def named(filters: Document) -> Document:
    """What a customer fulfils who has a name that begins with `q`; without it, everybody does."""
    if "q" not in filters:
        return {}
    prefix = name_key(filters["q"])
    return {"keys.names": {"$elemMatch": {"$gte": prefix, "$lt": prefix + LAST_CHARACTER}}}


def conditions(filters: Document) -> Document:
    """What a customer fulfils who matches all of these filters, `q` left out."""
    fields: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "id": ("_id", lambda ids: {"$in": ids}),
        "email": ("keys.emails", email_key),
        "external_id": ("external_id", str),
        "phone": ("phones.number", str),
        "last_name": ("keys.last_name", name_key),
        "tag": ("tags", str),
        "interest": ("interests", str),
    }
    return {
        fields[name][0]: fields[name][1](value) for name, value in filters.items() if name in fields
    }
