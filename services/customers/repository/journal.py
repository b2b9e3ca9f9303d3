"""Queries on the journal: adds and reads entries. There is no way to change one."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING

from services.customers import documents
from services.customers.model.journal import Entry, NoSuchEntry
from shared import clock
from shared.document import Document
from shared.idempotency import CreationRequest
from shared.mongo.bulk_writes import insert_missing
from shared.mongo.paging import Keys, Page, Range
from shared.mongo.repository import InsertingRepository

NEWEST: Keys = (("at", DESCENDING), ("_id", DESCENDING))


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
        self, customer_id: str, filters: Document, *, after: list[Any] | None, limit: int
    ) -> Page:
        """A page of a customer's journal, of one kind if the filters say so; the latest first."""
        return self.page(range_of(customer_id, filters), after=after, limit=limit)

    def batches(self, ids: Iterable[str]) -> dict[str, str | None]:
        """The batch with which each of these entries came, of those that are there."""
        found = self.collection.find({"_id": {"$in": list(ids)}}, {"data.batch": 1})
        return {entry["_id"]: entry["data"].get("batch") for entry in found}


def range_of(customer_id: str, filters: Document) -> Range:
    """The stretch of an index that serves a customer's journal with these filters."""
    if "kind" in filters:
        keys: Keys = (("customer_id", ASCENDING), ("kind", ASCENDING), *NEWEST)
        return Range(index="kind", keys=keys, equal=(customer_id, filters["kind"]))
    return Range(index="newest", keys=(("customer_id", ASCENDING), *NEWEST), equal=(customer_id,))


def to_document(entry: Entry, *, recorded_at: datetime) -> Document:
    """An entry as it is stored."""
    fields = dict(vars(entry))
    return {"_id": fields.pop("id"), **fields, "recorded_at": recorded_at}
