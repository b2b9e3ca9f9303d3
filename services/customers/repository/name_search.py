"""Lists of customers in the order of their names."""

from pymongo import ASCENDING
from pymongo.collection import Collection

from services.customers.repository.filters import LAST_CHARACTER
from shared.document import Document
from shared.mongo.paging import Page, Range

MIN_SHARE = 4
"""A look that fills up a page reads this fraction of it at least."""

Entry = list[str]
"""A place in the index of names: a name, and the id of who has it."""


def page_by_name(
    collection: Collection[Document],
    projection: Document,
    prefix: str,
    *,
    where: Document,
    after: Entry | None,
    limit: int,
) -> Page:
    """The next `limit` customers who match `where` and have a name that begins with `prefix`.

    A customer with two such names shows at the first only. How many do is not known before they
    are read, so a page that comes out short is filled up by another look.
    """
    if after is not None and not after[0].startswith(prefix):
        # Nothing lies after a position that no page of this list ended at.
        return Page(items=[], next=None)
    items: list[Document] = []
    ends: list[Entry] = []
    missing = asked = limit + 1
    while missing > 0:
        found = list(_read(collection, projection, prefix, where=where, after=after, limit=asked))
        for document, entries in found:
            here = next((entry for entry in entries if after is None or entry > after), None)
            if here is not None and here == entries[0]:
                items.append(document)
                ends.append(here)
            after = here or after
        missing = limit + 1 - len(items) if len(found) == asked else 0
        # What fills it up may be known already as well, and to look for one at a time costs more
        # than to read some that are not needed.
        asked = max(missing, limit // MIN_SHARE)
    more = len(items) > limit
    return Page(items=items[:limit], next=ends[limit - 1] if more else None)


def _read(
    collection: Collection[Document],
    projection: Document,
    prefix: str,
    *,
    where: Document,
    after: Entry | None,
    limit: int,
) -> list[tuple[Document, list[Entry]]]:
    """Documents as the index of names lists them, each with all its places in this stretch."""
    stretch = Range(
        index="names",
        keys=(("keys.names", ASCENDING), ("_id", ASCENDING)),
        start=(prefix,),
        stop=(prefix + LAST_CHARACTER,),
    )
    # Who is at the position was read before, and may be left out at later names too.
    query = where if after is None else {"$and": [where, {"_id": {"$ne": after[1]}}]}
    found = (
        collection.find(query, {**projection, "keys.names": 1})
        .hint(stretch.index)
        .min(stretch.minimum(None if after is None else tuple(after)))
        .max(stretch.maximum())
        .limit(limit)
        .batch_size(limit)
    )
    return [(document, _entries(document, prefix)) for document in found]


def _entries(document: Document, prefix: str) -> list[Entry]:
    names = document.pop("keys")["names"]
    return sorted([name, document["_id"]] for name in names if name.startswith(prefix))
