"""Finds stored documents that break the validators of today.

A validator looks at what is written and not at what was there before it was tightened.
"""

from collections.abc import Iterator
from typing import Any

from pymongo.database import Database

from shared.doctor.findings import ASKS, Finding, bad, good, many
from shared.document import Document
from shared.mongo.collections import Collection

PIECE = 10_000
"""Documents that are looked at in one query, so that each ends long before it would time out."""

NAMED = 3


def breaches(
    database: Database[Document], declared: tuple[Collection, ...], *, piece: int = PIECE
) -> Iterator[Finding]:
    """The documents that the declared validator of their collection would refuse."""
    obeyed = True
    for collection in declared:
        subject = f"{database.name}.{collection.name} rules"
        broken = list(_broken(database, collection, piece))
        if not broken:
            continue
        obeyed = False
        named = ", ".join(str(id) for id in broken[:NAMED])
        yield bad(
            subject,
            f"broken by {many(len(broken), 'document')}: {named}{', …' * (len(broken) > NAMED)}",
            "Nobody can change them until they are mended; write a migration that does.",
        )
    if obeyed:
        yield good(f"{database.name} rules", "every document obeys them")


def _broken(database: Database[Document], collection: Collection, piece: int) -> Iterator[Any]:
    found = database[collection.name]
    begin: Any = None
    while True:
        # By places in the index and not by comparison, which would pass over ids of other types.
        ahead = found.find({}, {"_id": 1}).hint("_id_").skip(piece).limit(1).comment(ASKS)
        ahead = ahead.min([("_id", begin)]) if begin is not None else ahead
        end = next((one["_id"] for one in ahead), None)
        inside = found.find({"$nor": [collection.validator]}, {"_id": 1}).hint("_id_").comment(ASKS)
        inside = inside.min([("_id", begin)]) if begin is not None else inside
        inside = inside.max([("_id", end)]) if end is not None else inside
        for one in inside:
            yield one["_id"]
        if end is None:
            return
        begin = end
