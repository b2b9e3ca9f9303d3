"""Base of repositories: reads the documents of one collection, one by one and in keyset pages.

Knows no collection by name, and no HTTP.
"""

from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from shared.document import Document
from shared.errors import NotFound
from shared.mongo.paging import Page, Range

_ENDS_BEFORE_IT_BEGINS = 51175


class ReadingRepository:
    """Reads the documents of one collection.

    Subclasses name the collection and the fields that callers may see; every read answers with
    those.
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
        """A document as it was read, in today's form; as it is, where there is one form only."""
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
        """True if there is any document at all."""
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
