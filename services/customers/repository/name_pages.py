"""Pages of customers in the order of their names. Knows no other order."""

from typing import Any

from pymongo.collection import Collection

from shared.document import Document
from shared.mongo.filters import Plan
from shared.mongo.paging import Page

MIN_SHARE = 4
"""A look that fills up a page reads this fraction of it at least."""

Entry = list[str]
"""A place in the index of names: a name, and the id of who has it."""


def page_by_name(
    collection: Collection[Document],
    projection: Document,
    way: Plan,
    *,
    after: list[Any] | None,
    limit: int,
) -> Page:
    """The next `limit` customers on the way that have a name with the beginning it starts at.

    A customer with two such names shows at the first only. How many do is not known before they
    are read, so a page that comes out short is filled up by another look.
    """
    place = None if after is None else [str(value) for value in after]
    if place is not None and not place[0].startswith(way.range.start[0]):
        # Nothing comes after a position that no page of this list ended at.
        return Page(items=[], next=None)
    items: list[Document] = []
    ends: list[Entry] = []
    missing = asked = limit + 1
    while missing > 0:
        found = list(_read(collection, projection, way, after=place, limit=asked))
        for document, entries in found:
            here = next((entry for entry in entries if place is None or entry > place), None)
            if here is not None and here == entries[0]:
                items.append(document)
                ends.append(here)
            place = here or place
        missing = limit + 1 - len(items) if len(found) == asked else 0
        # What fills it up may be known already as well, and to look for one at a time costs more
        # than to read some that are not needed.
        asked = max(missing, limit // MIN_SHARE)
    more = len(items) > limit
    return Page(items=items[:limit], next=ends[limit - 1] if more else None)


def _read(
    collection: Collection[Document],
    projection: Document,
    way: Plan,
    *,
    after: Entry | None,
    limit: int,
) -> list[tuple[Document, list[Entry]]]:
    """Documents as the index of names lists them, each with all its places in this stretch."""
    # Who is at the position was read before, and may be left out at later names too.
    query = way.where if after is None else {"$and": [way.where, {"_id": {"$ne": after[1]}}]}
    found = (
        collection.find(query, {**projection, "keys.names": 1})
        .hint(way.range.index)
        .min(way.range.minimum(None if after is None else tuple(after)))
        .max(way.range.maximum())
        .limit(limit)
        .batch_size(limit)
    )
    return [(document, _entries(document, way.range.start[0])) for document in found]


def _entries(document: Document, prefix: str) -> list[Entry]:
    names = document.pop("keys")["names"]
    return sorted([name, document["_id"]] for name in names if name.startswith(prefix))
