"""Queries on views and visitors of the shop's website. Knows no journal."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from services.customers import documents
from services.customers.model.activity import NoSuchVisitor
from shared import clock
from shared.document import Document
from shared.events.contracts import VisitorTied
from shared.mongo.bulk_writes import insert_missing
from shared.mongo.reading import ReadingRepository
from shared.mongo.repository import Repository

AT_ONCE = 1_000


class ViewRepository(ReadingRepository):
    """Views of visitors, kept for a while in case the visitor is identified."""

    collection_name = documents.VIEWS.name
    public = ("visitor_id", "at", "kind", "url", "title", "sku", "batch")

    def add_all(self, views: Sequence[Document]) -> set[str]:
        """Add those views whose ids are not there yet; returns the ids that were."""
        now = clock.now()
        return insert_missing(self.collection, [{**view, "recorded_at": now} for view in views])

    def of_visitor(self, visitor_id: str) -> Iterator[list[Document]]:
        """All views of a visitor, some at a time."""
        after = ""
        while True:
            found = list(
                self.collection.find(
                    {"visitor_id": visitor_id, "_id": {"$gt": after}}, self._projection
                )
                .sort("_id", 1)
                .limit(AT_ONCE)
            )
            if not found:
                return
            yield found
            after = found[-1]["_id"]

    def batches(self, ids: Iterable[str]) -> dict[str, str]:
        """The batch with which each of these views came, of those that are there."""
        found = self.collection.find({"_id": {"$in": list(ids)}}, {"batch": 1})
        return {view["_id"]: view["batch"] for view in found}


class VisitorRepository(Repository):
    """Visitors who are identified as customers."""

    collection_name = documents.VISITORS.name
    public = ("customer_id", "tied_at", "version")

    def add_all(self, events: Sequence[VisitorTied], *, now: datetime) -> None:
        """Link unidentified visitors to customers. Visitors already linked are left unchanged."""
        insert_missing(
            self.collection,
            [
                {
                    "_id": event.visitor_id,
                    "customer_id": event.customer_id,
                    "tied_at": now,
                    "version": event.version,
                    "outbox": self.outbox(event),
                }
                for event in events
            ],
        )

    def get(self, id: str) -> Document:
        """The customer whom a visitor is.

        :raises NoSuchVisitor: nobody has said.
        """
        found = self.find({"_id": id})
        if found is None:
            raise NoSuchVisitor("Nobody has said who this visitor is.")
        return found

    def known(self, ids: Iterable[str]) -> list[Document]:
        """Those of these visitors who are identified."""
        return list(self.collection.find({"_id": {"$in": list(ids)}}, self._projection))

    def customers_of(self, ids: Iterable[str]) -> dict[str, str]:
        """The customers whom these visitors are, of those who are identified."""
        return {visitor["_id"]: visitor["customer_id"] for visitor in self.known(ids)}

    def reidentify(self, event: VisitorTied, *, now: datetime) -> Document:
        """Link a visitor whose customer is gone to another.

        :raises Stale: somebody else did so first.
        """
        fields = {"customer_id": event.customer_id, "tied_at": now}
        return self.change(event.visitor_id, fields, event, version=event.version - 1)
