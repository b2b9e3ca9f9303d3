"""Queries on the journal: adds and reads entries. There is no way to change one."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from services.customers import documents
from services.customers.model.journal import Entry, NoSuchEntry
from services.customers.repository.filters import plan_journal
from shared import clock
from shared.document import Document
from shared.idempotency import CreationRequest
from shared.mongo.bulk_writes import insert_missing
from shared.mongo.paging import Page
from shared.mongo.repository import InsertingRepository


class JournalRepository(InsertingRepository):
    """The journals of all customers."""

    collection_name = documents.JOURNAL.name
    public = (
        "customer_id",
        "at",
        "recorded_at",
        "kind",
        "actor",
        "source",
        "summary",
        "data",
        "corrects",
    )
    # Entries are never changed, so each is its own first answer.
    changing = ()

    def add(self, entry: Entry, *, request: CreationRequest | None = None) -> Document:
        """Add an entry; answers with it as callers see it, or as the same request was answered.

        :raises IdempotencyKeyReused: the request's key came with another body.
        """
        return self.insert(to_document(entry, recorded_at=clock.now()), request=request)

    def add_all(self, entries: Sequence[Entry]) -> set[str]:
        """Add those entries whose ids are not there yet; returns the ids that were."""
        now = clock.now()
        return insert_missing(
            self.collection, [to_document(entry, recorded_at=now) for entry in entries]
        )

    def get_entry(self, customer_id: str, id: str) -> Document:
        """One entry of a customer's journal.

        :raises NoSuchEntry: there is none.
        """
        entry = self.find({"_id": id, "customer_id": customer_id})
        if entry is None:
            raise NoSuchEntry("This customer's journal has no entry with this id.")
        return entry

    def search(
        self, customer_id: str, query: Document, *, after: list[Any] | None, limit: int
    ) -> Page:
        """A page of the entries in a customer's journal that match `query`, the latest first."""
        way = plan_journal(customer_id, query)
        return self.page(way.range, after=after, limit=limit, where=way.where)

    def batches(self, ids: Iterable[str]) -> dict[str, str | None]:
        """The batch with which each of these entries came, of those that are there."""
        found = self.collection.find({"_id": {"$in": list(ids)}}, {"data.batch": 1})
        return {entry["_id"]: entry["data"].get("batch") for entry in found}


def to_document(entry: Entry, *, recorded_at: datetime) -> Document:
    """An entry as it is stored."""
    fields = dict(vars(entry))
    return {"_id": fields.pop("id"), **fields, "recorded_at": recorded_at}
