"""Writes of many documents at once: newer states over older ones, and what is not there yet.

Knows no collection and no HTTP.
"""

from collections.abc import Sequence

from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from shared.document import Document
from shared.mongo.client import write_errors

_DUPLICATE_KEY = 11000


def apply_states(
    collection: Collection[Document], states: Sequence[Document], *, gone: Sequence[str] = ()
) -> None:
    """Keep each state (`_id`, `version` and the rest) unless one as new or newer is there already.

    So events that come twice, late or shuffled leave the same documents behind. `gone` are fields
    that an earlier form had.
    """
    removing = {"$unset": dict.fromkeys(gone, "")} if gone else {}

    def newer(state: Document, *, upsert: bool) -> UpdateOne:
        return UpdateOne(
            {"_id": state["_id"], "version": {"$lt": state["version"]}},
            {"$set": state, **removing},
            upsert=upsert,
        )

    try:
        if states:
            collection.bulk_write([newer(state, upsert=True) for state in states], ordered=False)
    except BulkWriteError as error:
        clashes = write_errors(error)
        if any(clash["code"] != _DUPLICATE_KEY for clash in clashes):
            raise
        # The document exists: it is as new, or another process has just inserted an older one.
        again = [newer(states[clash["index"]], upsert=False) for clash in clashes]
        collection.bulk_write(again, ordered=False)


def insert_missing(collection: Collection[Document], documents: Sequence[Document]) -> set[str]:
    """Insert the documents whose ids are not there yet, leaving the others; returns their ids.

    :raises BulkWriteError: the database refuses one for another reason than its id.
    """
    try:
        if documents:
            collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        clashes = write_errors(error)
        if not all(_is_there(clash) for clash in clashes):
            raise
        return {documents[clash["index"]]["_id"] for clash in clashes}
    return set()


def _is_there(failure: Document) -> bool:
    return failure["code"] == _DUPLICATE_KEY and "_id" in failure["keyPattern"]
