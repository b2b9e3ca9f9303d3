"""Filters of the list of orders: which field each compares and which index serves it."""

from bson import MinKey
from pymongo import ASCENDING, DESCENDING

from shared.document import Document
from shared.mongo.paging import Keys, Range

NEWEST: Keys = (("placed_at", DESCENDING), ("_id", DESCENDING))


# Filter → the field that has to equal it.
FIELDS = {
    "number": "number",
    "source": "source",
    "customer_id": "customer_id",
    "sku": "lines.sku",
    "status": "status",
}


# Filters → the index that serves them; the first whose filters are all given. Others narrow what
# that one finds: the orders of one customer, or those of one article from one source.
_INDEXES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("customer_id",), "customer"),
    (("sku", "status"), "sku_status"),
    (("sku",), "sku"),
    (("source", "status"), "source_status"),
    (("status",), "status"),
    (("source",), "source"),
    ((), "newest"),
)


def placed_between(filters: Document) -> Document:
    """What an order fulfils that was placed in the time that is asked for."""
    bounds = {
        operator: filters[name]
        for name, operator in (("placed_from", "$gte"), ("placed_to", "$lt"))
        if name in filters
    }
    return {"placed_at": bounds} if bounds else {}


def range_of(filters: Document) -> Range:
    # Within one time the ids go down to MinKey: `placed_to` itself lies before the start and is
    # left out, `placed_from` itself lies before the stop and is in.
    start = (filters["placed_to"], MinKey()) if "placed_to" in filters else ()
    stop = (filters["placed_from"], MinKey()) if "placed_from" in filters else ()
    names, index = next(entry for entry in _INDEXES if filters.keys() >= set(entry[0]))
    return Range(
        index=index,
        keys=(*((FIELDS[name], ASCENDING) for name in names), *NEWEST),
        equal=tuple(filters[name] for name in names),
        start=start,
        stop=stop,
    )
