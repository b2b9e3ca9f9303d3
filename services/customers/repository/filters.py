"""Filters of the lists of customers: the field each compares, its index, its key, an example.

A new filter is one line of `FILTERS`, and its index in `documents`.
"""

from typing import Any

from pymongo import ASCENDING, DESCENDING

from services.customers import documents
from services.customers.model.journal import KINDS
from services.customers.model.names import name_key
from services.customers.repository import examples
from shared.document import Document
from shared.mongo.examples import commonest
from shared.mongo.filters import Filter, ListFilters, Plan
from shared.mongo.paging import EARLIEST, Keys, Range
from shared.values.email import email_key

LAST_CHARACTER = "\U0010ffff"
"""No name goes on with a character after this one."""


def _beginning(text: str) -> Document:
    prefix = name_key(text)
    return {"$gte": prefix, "$lt": prefix + LAST_CHARACTER}


def _filter(name: str, field: str, *, otherwise: str = "none", **more: Any) -> Filter:
    given = {"index": name, "example": commonest("customers", field, otherwise=otherwise), **more}
    return Filter(name=name, field=field, **given)


FILTERS = ListFilters(
    collection=documents.CUSTOMERS,
    order=documents.NEWEST,
    filters=(
        _filter(
            "id",
            "_id",
            index="_id_",
            is_unique=True,
            operator="$in",
            # As many as a page holds.
            max_values=200,
            example=examples.ids,
            description="Ids, each as its own `id=` parameter.",
        ),
        _filter("email", "keys.emails", is_unique=True, key=email_key, max_length=254),
        _filter("external_id", "external_id", is_unique=True),
        _filter("phone", "phones.number", kind="phone", max_length=50, otherwise="+442079460958"),
        _filter(
            "last_name",
            "keys.last_name",
            key=name_key,
            description="Equal, without case and accents.",
        ),
        _filter(
            "q",
            "keys.names",
            index="names",
            operator="$elemMatch",
            key=_beginning,
            # People have several names, and some begin alike.
            finds_twice=True,
            example=examples.beginnings,
            description="Beginning of a first, last or company name, without case and accents.",
        ),
        _filter("interest", "interests", max_length=50),
        _filter("tag", "tags", max_length=50),
    ),
)
JOURNAL_FILTERS = ListFilters(
    collection=documents.JOURNAL,
    order=(("at", DESCENDING), ("_id", DESCENDING)),
    within=("customer_id",),
    filters=(
        Filter(
            name="kind",
            field="kind",
            index="kind",
            choices=KINDS,
            example=commonest("journal", "kind", otherwise="meeting"),
        ),
    ),
)
LISTS = (FILTERS, JOURNAL_FILTERS)
PLACES = {"id": examples.busiest}
"""Names in the address of a list, and what to put there to see an example of the list."""


def plan(query: Document) -> Plan:
    """The way to the customers that match all filters of `query`."""
    lead = FILTERS.lead(query)
    where = FILTERS.conditions(query)
    if lead is not None and lead.is_unique:
        stretch = Range(index=lead.index, keys=((lead.field, ASCENDING),))
        return Plan(lead=lead, range=stretch, where=where | {"deleted_at": None})
    if lead is not None and lead.name == "q":
        beginning = where.pop(lead.field)[lead.operator]
        return Plan(lead=lead, range=_named(*beginning.values()), where=where)
    # What stays of a deleted customer has no created_at and comes before the earliest date.
    stop = () if lead else (EARLIEST,)
    return Plan(lead=lead, range=FILTERS.range(query, stop=stop), where=where)


def plan_journal(customer_id: str, query: Document) -> Plan:
    """The way to the entries of a customer's journal that match all filters of `query`."""
    stretch = JOURNAL_FILTERS.range(query, at=(customer_id,))
    where = JOURNAL_FILTERS.conditions(query)
    return Plan(lead=JOURNAL_FILTERS.lead(query), range=stretch, where=where)


def _named(first: str, last: str) -> Range:
    keys: Keys = (("keys.names", ASCENDING), ("_id", ASCENDING))
    return Range(index="names", keys=keys, start=(first,), stop=(last,))
