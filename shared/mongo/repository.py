"""Base of repositories that write: inserts, versioned changes and the outbox of one collection.

Knows no collection by name, and no HTTP.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from pymongo import ReturnDocument, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from shared.document import Document
from shared.errors import Stale
from shared.events.event import Event
from shared.events.outbox import outbox_entries
from shared.idempotency import CreationRequest, first_answer
from shared.mongo.reading import ReadingRepository

Subscribers = Mapping[type[Event], tuple[str, ...]]


class InsertingRepository(ReadingRepository):
    """Reads and adds documents. By itself it is for documents that are never changed."""

    changing: tuple[str, ...] | None = None
    """The public fields that may change after the first answer; all of them unless named."""

    def insert(self, document: Document, *, request: CreationRequest | None = None) -> Document:
        """Add a document; answers with it as callers see it, or as the same request was answered.

        :raises DuplicateKeyError: a unique index holds one of its values already.
        :raises IdempotencyKeyReused: the request's key came with another body.
        """
        try:
            return self._in_order(self._add({**document, **self._stamp(document, request)}))
        except DuplicateKeyError:
            repeated = self.first_answer(request)
            if repeated is None:
                raise
            return repeated

    def first_answer(self, request: CreationRequest | None) -> Document | None:
        """The answer that this request got before, or None if it is new.

        :raises IdempotencyKeyReused: its key came with another body.
        """
        repeated = first_answer(request, self._find_request)
        return None if repeated is None else self._in_order(repeated)

    def _add(self, document: Document) -> Document:
        self.collection.insert_one(document)
        return self._shown(document, ("_id", *self.public))

    def _stamp(self, document: Document, request: CreationRequest | None) -> Document:
        changing = self.public if self.changing is None else self.changing
        return {} if request is None else request.stamp(self._shown(document, changing))

    def _shown(self, document: Document, names: tuple[str, ...]) -> Document:
        return {name: document[name] for name in names if name in document}

    def _in_order(self, document: Document) -> Document:
        """The fields in one order, so that an answer that comes again is the same byte by byte."""
        return {**self._shown(document, ("_id", *self.public)), **document}

    def _find_request(self, key: str) -> Document | None:
        found = self.collection.find_one(
            {"request.key": key}, {**self._projection, "request": 1, "deleted_at": 1}
        )
        if found is None:
            return None
        # The first answer was in the form of its time as well.
        first = self.upcast(found["request"]["first"])
        return self.upcast(found) | {"request": {**found["request"], "first": first}}


class Repository(InsertingRepository):
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

    def insert(
        self, document: Document, *events: Event, request: CreationRequest | None = None
    ) -> Document:
        """Add a document together with the events of its arrival.

        Answers with it as callers see it, or as the same request was answered.

        :raises DuplicateKeyError: a unique index holds one of its values already.
        :raises IdempotencyKeyReused: the request's key came with another body.
        """
        return super().insert({**document, "outbox": self.outbox(*events)}, request=request)

    def change(
        self,
        id: str,
        fields: Document,
        *events: Event,
        version: int,
        where: Document | None = None,
        session: ClientSession | None = None,
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
            session=session,
        )
        if changed is None:
            raise Stale("Someone else changed this first; reload it and try again.")
        return self.upcast(changed)

    def republish(
        self, event_of: Callable[[Document], Event], *, after: str, limit: int
    ) -> list[str]:
        """Publish the state of the next documents past an id again; returns their ids.

        Deleted ones too. Left out is one that changes right now, for then its newest state is
        published anyway, and one whose state waits to be published again already.
        """
        documents = list(
            self.collection.find({"_id": {"$gt": after}}, {**self._projection, "deleted_at": 1})
            .sort("_id", 1)
            .limit(limit)
        )
        updates = []
        for document in documents:
            event = event_of(document if "deleted_at" in document else self.upcast(document))
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
