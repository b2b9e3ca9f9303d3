"""Filters of the list of orders: the field each compares, its index, an example.

A new filter is one line of `FILTERS`, and its index in `documents`.
"""

from typing import Any

from bson import MinKey
from pymongo import ASCENDING

from services.orders import documents
from services.orders.model import STATUSES
from shared.document import Document
from shared.mongo.examples import always, commonest, share_of
from shared.mongo.filters import Filter, ListFilters, Plan
from shared.mongo.paging import Keys, Range


def _filter(name: str, field: str, *, otherwise: str = "none", **more: Any) -> Filter:
    given = {"index": name, "example": commonest("orders", field, otherwise=otherwise), **more}
    return Filter(name=name, field=field, **given)


def _bound(name: str, operator: str, share: float, otherwise: str, description: str) -> Filter:
    example = share_of("orders", "placed_at", share, otherwise=otherwise)
    return Filter(
        name=name,
        field="placed_at",
        index="newest",
        operator=operator,
        kind="time",
        example=example,
        description=description,
    )


FILTERS = ListFilters(
    collection=documents.ORDERS,
    order=documents.NEWEST,
    filters=(
        _filter("number", "number"),
        _filter("customer_id", "customer_id", index="customer", otherwise="0" * 24),
        _filter("sku", "lines.sku", description="Orders with this article on any line."),
        _filter("source", "source", max_length=50),
        _filter(
            "status",
            "status",
            choices=STATUSES,
            example=always("delivered", "placed", "cancelled"),
        ),
        _bound("placed_from", "$gte", 0.25, "2024-01-01T00:00:00Z", "At this time or later."),
        _bound("placed_to", "$lt", 0.75, "2024-07-01T00:00:00Z", "Before this time."),
    ),
)
LISTS = (FILTERS,)


def plan(query: Document) -> Plan:
    """The way to the orders that match all filters of `query`."""
    lead = FILTERS.lead(query)
    where = FILTERS.conditions(query)
    if lead is not None and lead.name == "number":
        keys: Keys = (("number", ASCENDING), ("source", ASCENDING))
        return Plan(lead=lead, range=Range(index=lead.index, keys=keys), where=where)
    # The bounds are positions in the index. Within one time the ids go down to MinKey: `placed_to`
    # itself comes before the start and is left out, `placed_from` itself before the stop and is in.
    where.pop("placed_at", None)
    start = (query["placed_to"], MinKey()) if "placed_to" in query else ()
    stop = (query["placed_from"], MinKey()) if "placed_from" in query else ()
    return Plan(lead=lead, range=FILTERS.range(query, start=start, stop=stop), where=where)
