"""Queries on import jobs. Knows no HTTP and no file."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from services.imports import documents
from services.imports.repository.filters import plan
from shared.document import Document
from shared.errors import NotFound, Stale
from shared.events.event import Event
from shared.idempotency import CreationRequest
from shared.mongo.client import deadline
from shared.mongo.paging import Page
from shared.mongo.repository import Repository

LEASE = timedelta(seconds=25)
"""Time that a step may be silent before another worker may take it.

Shorter than an event waits to be sent again.
"""

_PROGRESS = {
    "rows": 0,
    "rows_of": 0,
    "rejected": 0,
    "customers": 0,
    "customers_of": 0,
    "orders": 0,
    "orders_of": 0,
}


class NoSuchImport(NotFound):
    """There is no import with this id."""


class JobRepository(Repository):
    """Import jobs."""

    collection_name = documents.JOBS.name
    public = (
        "state",
        "preset",
        "mapping",
        "file",
        "progress",
        "reconciliation",
        "failure",
        "asked_by",
        "created_at",
        "updated_at",
        "version",
        "revision",
    )

    def add(
        self,
        *,
        id: str,
        mapping: Document,
        preset: str | None,
        file: Document,
        asked_by: str,
        delegation: str,
        event: Event,
        now: datetime,
        request: CreationRequest | None,
    ) -> Document:
        """Add a job.

        Answers with it as callers see it, or with the first answer to the same request.

        :raises IdempotencyKeyReused: the request's key came with another file or mapping.
        """
        document: Document = {
            "_id": id,
            "state": "staging",
            "step": 1,
            "preset": preset,
            "mapping": mapping,
            "file": file,
            "progress": _PROGRESS,
            "position": None,
            "reconciliation": None,
            "failure": None,
            "asked_by": asked_by,
            "delegation": delegation,
            "lease_until": now,
            "created_at": now,
            "updated_at": now,
            "version": 1,
            "schema_version": documents.SCHEMA_VERSION,
            "revision": 0,
        }
        with deadline():
            return self.insert(document, event, request=request)

    def first_answer(self, request: CreationRequest | None) -> Document | None:
        """The answer that this request got before, or None if it is new.

        :raises IdempotencyKeyReused: its key came with another file or mapping.
        """
        with deadline():
            return super().first_answer(request)

    def get(self, id: str) -> Document:
        """One job as callers see it.

        :raises NoSuchImport: there is none.
        """
        try:
            return super().get(id)
        except NotFound as error:
            raise NoSuchImport("There is no import with this id.") from error

    def search(self, query: Document, *, after: list[Any] | None, limit: int) -> Page:
        """A page of the jobs that match all filters of `query`, newest first."""
        way = plan(query)
        return self.page(way.range, after=after, limit=limit, where=way.where)

    def lease(self, id: str, *, step: int, now: datetime) -> Document | None:
        """Take a step of a job to work on, whole.

        None if it is done, or somebody else works on it.
        """
        return self.collection.find_one_and_update(
            {
                "_id": id,
                "step": step,
                "state": {"$nin": ["finished", "failed"]},
                "lease_until": {"$lte": now},
            },
            {"$set": {"lease_until": now + LEASE}},
            projection={"outbox": 0, "request": 0},
            return_document=ReturnDocument.AFTER,
        )

    def is_waiting(self, id: str, *, step: int) -> bool:
        """True if this step of a job is still to be done."""
        query = {"_id": id, "step": step, "state": {"$nin": ["finished", "failed"]}}
        return self.collection.find_one(query, {"_id": 1}) is not None

    def has_ended(self, id: str) -> bool:
        """True if a job is finished or failed."""
        query = {"_id": id, "state": {"$in": ["finished", "failed"]}}
        return self.collection.find_one(query, {"_id": 1}) is not None

    def keep_lease(self, id: str, *, step: int) -> None:
        """Say that a step is still being worked on.

        :raises Stale: somebody else has finished this step meanwhile.
        """
        outcome = self.collection.update_one(
            {"_id": id, "step": step}, {"$set": {"lease_until": datetime.now(UTC) + LEASE}}
        )
        if outcome.matched_count == 0:
            raise Stale("Another worker has taken over this import.")

    def record(self, id: str, *, step: int, fields: Document) -> None:
        """Note how far a step has come, and keep its lease.

        :raises Stale: somebody else has finished this step meanwhile.
        """
        now = datetime.now(UTC)
        outcome = self.collection.update_one(
            {"_id": id, "step": step},
            {
                "$set": {**fields, "lease_until": now + LEASE, "updated_at": now},
                "$inc": {"revision": 1},
            },
        )
        if outcome.matched_count == 0:
            raise Stale("Another worker has taken over this import.")

    def advance(self, id: str, *, step: int, fields: Document, event: Event) -> None:
        """End a step with what it came to, and have the next one begun by `event`.

        :raises Stale: somebody else has finished this step meanwhile.
        """
        now = datetime.now(UTC)
        outcome = self.collection.update_one(
            {"_id": id, "step": step},
            {
                "$set": {**fields, "step": step + 1, "lease_until": now, "updated_at": now},
                "$inc": {"version": 1},
                "$push": {"outbox": {"$each": self.outbox(event)}},
            },
        )
        if outcome.matched_count == 0:
            raise Stale("Another worker has taken over this import.")

    def delegation(self, id: str) -> str | None:
        """The delegation under which a job's work is done, as long as it is needed."""
        job = self.collection.find_one({"_id": id}, {"delegation": 1})
        return None if job is None else job["delegation"]

    def forget_delegation(self, id: str) -> None:
        """Note that the delegation was given back."""
        self.collection.update_one({"_id": id}, {"$set": {"delegation": None}})
