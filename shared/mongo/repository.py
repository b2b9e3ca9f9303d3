"""How any document is read and written.

Versions, the outbox and keyset pages. Knows no collection and no HTTP.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from pymongo import ReturnDocument, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure

from shared.document import Document
from shared.errors import NotFound, Stale
from shared.events.event import Event
from shared.events.outbox import outbox_entries
from shared.mongo.client import write_errors
from shared.mongo.paging import Page, Range

Subscribers = Mapping[type[Event], tuple[str, ...]]

_DUPLICATE_KEY = 11000
_ENDS_BEFORE_IT_BEGINS = 51175


class ReadingRepository:
    """How the documents of one collection are read.

    Subclasses name the collection and the fields that callers may see; every read answers with
    those. By itself it is for documents that are never changed.
    """

    collection_name: str
    public: tuple[str, ...]

    def __init__(self, database: Database[Document]) -> None:
        self.collection: Collection[Document] = database[self.collection_name]
        self._projection = dict.fromkeys(self.public, 1)

    def find(self, query: Document) -> Document | None:
        """One document as callers see it, or None."""
        found = self.collection.find_one(query, self._projection)
        return None if found is None else self.upcast(found)

    def upcast(self, document: Document) -> Document:
        """A document as it was read, in today's form.

        Where documents of the form before lie among those of today's, it turns them into the new.
        """
        return document

    def get(self, id: str) -> Document:
        """One live document as callers see it.

        :raises NotFound: there is none.
        """
        document = self.find({"_id": id, "deleted_at": None})
        if document is None:
            raise NotFound("There is nothing with this id.")
        return document

    def is_used(self) -> bool:
        """Whether there is any document at all."""
        return self.collection.find_one({}, {"_id": 1}) is not None

    def page(
        self, range: Range, *, after: list[Any] | None, limit: int, where: Document | None = None
    ) -> Page:
        """The next `limit` documents of a stretch of an index that also match `where`.

        The bounds are given to the server as index positions (`min` and `max`), so the page at any
        depth begins where the last one ended and nothing is skipped over or sorted.
        """
        query = dict(where or {})
        if after is not None:
            query = {"$and": [query, {"_id": {"$ne": after[-1]}}]}
        cursor = (
            self.collection.find(query, self._projection)
            .hint(range.index)
            .min(range.minimum(None if after is None else tuple(after)))
            .max(range.maximum())
            .limit(limit + 1)
            # The server's first answer has 101 documents otherwise, and a longer page two of them.
            .batch_size(limit + 1)
        )
        try:
            items = [self.upcast(document) for document in cursor]
        except OperationFailure as error:
            if error.code != _ENDS_BEFORE_IT_BEGINS:
                raise
            # Filters, or a made-up cursor, may describe an empty stretch. It has an empty page.
            items = []
        if len(items) <= limit:
            return Page(items=items, next=None)
        items = items[:limit]
        position = [items[-1].get(name) for name, _ in range.keys[len(range.equal) :]]
        return Page(items=items, next=position)


class Repository(ReadingRepository):
    """Base of most repositories: the only way a document is written together with its events.

    Subclasses also have the refusals of their unique indexes. The outbox never leaves this module.
    """

    def __init__(
        self, database: Database[Document], subscribers: Subscribers | None = None
    ) -> None:
        super().__init__(database)
        self._subscribers = subscribers or {}

    def outbox(self, *events: Event) -> list[Document]:
        """The outbox entries for `events`, with the id of the request that is being answered."""
        return outbox_entries(
            events,
            dict(self._subscribers),
            now=datetime.now(UTC),
            request_id=structlog.contextvars.get_contextvars().get("request_id"),
        )

    def insert(self, document: Document, *events: Event) -> None:
        """Add a document together with what its arrival means.

        :raises DuplicateKeyError: a unique index holds one of its values already.
        """
        self.collection.insert_one({**document, "outbox": self.outbox(*events)})

    def change(
        self, id: str, fields: Document, *events: Event, version: int, where: Document | None = None
    ) -> Document:
        """Set `fields` of the document if it still has `version`, and raise the version by one.

        :raises Stale: it has another version, or is gone.
        """
        changed = self.collection.find_one_and_update(
            {"_id": id, "version": version, **(where or {})},
            {
                "$set": {**fields, "version": version + 1},
                "$push": {"outbox": {"$each": self.outbox(*events)}},
            },
            projection=self._projection,
            return_document=ReturnDocument.AFTER,
        )
        if changed is None:
            raise Stale("Someone else changed this first; reload it and try again.")
        return self.upcast(changed)

    def republish(self, tell: Callable[[Document], Event], *, after: str, limit: int) -> list[str]:
        """Have the state of the next documents past an id told again; returns their ids.

        Deleted ones too. Left out is one that changes right now, for then it tells its newest state
        by itself, and one whose state waits to be told again already.
        """
        documents = list(
            self.collection.find({"_id": {"$gt": after}}, {**self._projection, "deleted_at": 1})
            .sort("_id", 1)
            .limit(limit)
        )
        updates = []
        for document in documents:
            event = tell(document if "deleted_at" in document else self.upcast(document))
            unchanged = {"_id": document["_id"], "version": document["version"]}
            updates.append(
                UpdateOne(
                    {**unchanged, "outbox.name": {"$ne": type(event).__name__}},
                    {"$push": {"outbox": {"$each": self.outbox(event)}}},
                )
            )
        if updates:
            self.collection.bulk_write(updates, ordered=False)
        return [document["_id"] for document in documents]

    def replace(
        self,
        id: str,
        document: Document,
        *events: Event,
        version: int,
        kept: Document | None = None,
    ) -> None:
        """Put `document` in the place of the one with `version`, but keep events not yet sent.

        `kept` has more fields, as expressions on the document that goes.

        :raises Stale: it has another version, or is gone.
        """
        body = {**document, "_id": id, "version": version + 1}
        outcome = self.collection.update_one(
            {"_id": id, "version": version},
            [
                {
                    "$replaceWith": {
                        "$mergeObjects": [
                            {"$literal": body},
                            {
                                "outbox": {
                                    "$concatArrays": ["$outbox", {"$literal": self.outbox(*events)}]
                                },
                                **(kept or {}),
                            },
                        ]
                    }
                }
            ],
        )
        if outcome.matched_count == 0:
            raise Stale("Someone else changed this first; reload it and try again.")


def apply_states(collection: Collection[Document], states: Sequence[Document]) -> None:
    """Keep each state (`_id`, `version` and the rest) unless one as new or newer is there already.

    So events that come twice, late or shuffled leave the same documents behind.
    """

    def newer(state: Document, *, upsert: bool) -> UpdateOne:
        return UpdateOne(
            {"_id": state["_id"], "version": {"$lt": state["version"]}},
            {"$set": state},
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
