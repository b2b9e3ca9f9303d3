"""Filters of the list of import jobs: none so far.

A new filter is one line of `FILTERS`, and its index in `documents`.
"""

from pymongo import DESCENDING

from services.imports import documents
from shared.document import Document
from shared.mongo.filters import ListFilters, Plan
from shared.mongo.paging import Keys

NEWEST: Keys = (("created_at", DESCENDING), ("_id", DESCENDING))

FILTERS = ListFilters(collection=documents.JOBS, order=NEWEST, filters=())
LISTS = (FILTERS,)


def plan(query: Document) -> Plan:
    """The way to the jobs that match all filters of `query`."""
    where = FILTERS.conditions(query)
    return Plan(lead=FILTERS.lead(query), range=FILTERS.range(query), where=where)
