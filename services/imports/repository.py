"""Every query on import jobs, their files, rows and outcomes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, BinaryIO

from bson import Decimal128
from gridfs import GridFSBucket, GridOut
from gridfs.errors import NoFile
from pymongo import ASCENDING, DESCENDING, InsertOne, ReplaceOne, ReturnDocument
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.imports import documents
from services.imports.model.lines import Line, Rejection
from shared.errors import NotFound, Stale
from shared.events.envelope import Event
from shared.idempotency import CreationRequest, first_answer
from shared.repository import Document, Keys, Page, Range, Repository

NEWEST: Keys = (("created_at", DESCENDING), ("_id", DESCENDING))
LEASE = timedelta(seconds=25)
"""How long a step may be silent before another worker may take it.

Shorter than an event waits to be sent again.
"""

_DUPLICATE_KEY = 11000
_PROGRESS = {
    "rows": 0,
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
            "revision": 0,
        }
        seen = {name: document[name] for name in ("_id", *self.public)}
        stamp = request.stamp({name: seen[name] for name in self.public}) if request else {}
        try:
            self.insert({**document, **stamp}, event)
        except DuplicateKeyError:
            repeated = self.repeated(request)
            if repeated is None:
                raise
            return repeated
        return seen

    def repeated(self, request: CreationRequest | None) -> Document | None:
        """The first answer to a request that was made before, or None.

        :raises IdempotencyKeyReused: its key came with another file or mapping.
        """
        return first_answer(
            request,
            lambda key: self.collection.find_one(
                {"request.key": key}, {**self._projection, "request": 1}
            ),
        )

    def get(self, id: str) -> Document:
        """One job as callers see it.

        :raises NoSuchImport: there is none.
        """
        try:
            return super().get(id)
        except NotFound as error:
            raise NoSuchImport("There is no import with this id.") from error

    def search(self, *, after: list[Any] | None, limit: int) -> Page:
        """A page of jobs, newest first."""
        return self.page(Range(index="newest", keys=NEWEST), after=after, limit=limit)

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
        """Whether this step of a job is still to be done."""
        query = {"_id": id, "step": step, "state": {"$nin": ["finished", "failed"]}}
        return self.collection.find_one(query, {"_id": 1}) is not None

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

    def advance(self, id: str, *, step: int, fields: Document, events: Sequence[Event]) -> None:
        """End a step with what it came to, and have the next one begun by `events`.

        :raises Stale: somebody else has finished this step meanwhile.
        """
        now = datetime.now(UTC)
        outcome = self.collection.update_one(
            {"_id": id, "step": step},
            {
                "$set": {**fields, "step": step + 1, "lease_until": now, "updated_at": now},
                "$inc": {"version": 1},
                "$push": {"outbox": {"$each": self.outbox(*events)}},
            },
        )
        if outcome.matched_count == 0:
            raise Stale("Another worker has taken over this import.")

    def fail(self, id: str, *, failure: str) -> None:
        """End a job without a result; `failure` is a sentence for whoever asked."""
        self.collection.update_one(
            {"_id": id, "state": {"$nin": ["finished", "failed"]}},
            {
                "$set": {
                    "state": "failed",
                    "failure": failure[:1_000],
                    "delegation": None,
                    "updated_at": datetime.now(UTC),
                },
                "$inc": {"version": 1},
            },
        )


class FileStore:
    """The uploaded files, in GridFS, each under the id of its job."""

    def __init__(self, database: Database[Document]) -> None:
        self._bucket = GridFSBucket(database, bucket_name="uploads")

    def keep(self, id: str, name: str, stream: BinaryIO) -> None:
        """Store a file; it is read in pieces."""
        self._bucket.upload_from_stream_with_id(id, name, stream)

    def open(self, id: str) -> GridOut:
        """The file of a job, as a stream."""
        return self._bucket.open_download_stream(id)

    def forget(self, id: str) -> None:
        """Delete a file; one that is gone already is fine."""
        try:
            self._bucket.delete(id)
        except NoFile:
            return


class RowRepository:
    """The rows of jobs that are under way, and the rejected rows of all."""

    def __init__(self, database: Database[Document]) -> None:
        self._rows = database[documents.ROWS.name]

    def stage(self, job: str, rows: Sequence[Document]) -> None:
        """Keep rows as they were read. A row that is kept already stays as it is."""
        _insert_missing(
            self._rows,
            [InsertOne({"_id": f"{job}:{row['row']}", "job": job, **row}) for row in rows],
        )

    def reject(self, job: str, field: str, reasons: dict[str, str]) -> None:
        """Reject all rows of some orders (`number`) or customers (`buyer`), with the reason."""
        for value, reason in reasons.items():
            self._rows.update_many(
                {"job": job, field: value, "rejected": False},
                {"$set": {"rejected": True, "reason": reason[:2_000]}},
            )

    def groups(
        self, job: str, field: str, *, after: str | None
    ) -> Iterator[tuple[str, list[Line]]]:
        """The accepted lines of each order (`number`) or customer (`buyer`), in that order."""
        name = {"number": "orders", "buyer": "buyers"}[field]
        found = (
            self._rows.find(
                {"job": job, field: {"$gt": after or ""}, "rejected": False}, {field: 1, "line": 1}
            )
            .sort([(field, ASCENDING), ("row", ASCENDING)])
            .hint(name)
            .batch_size(5_000)
        )
        for value, rows in groupby(found, key=itemgetter(field)):
            yield value, [Line.from_document(row["line"]) for row in rows]

    def count_groups(self, job: str, field: str) -> int:
        """How many orders or customers there are among the accepted rows."""
        groups = self._rows.aggregate(
            [
                {"$match": {"job": job, field: {"$gt": ""}, "rejected": False}},
                {"$group": {"_id": f"${field}"}},
                {"$count": "n"},
            ]
        )
        return next((int(group["n"]) for group in groups), 0)

    def totals(self, job: str) -> list[Document]:
        """Rows and exact amounts, by currency and by whether they were rejected."""
        return list(
            self._rows.aggregate(
                [
                    {"$match": {"job": job}},
                    {
                        "$group": {
                            "_id": {"currency": "$currency", "rejected": "$rejected"},
                            "rows": {"$sum": 1},
                            "amount": {"$sum": "$amount"},
                            "notes": {"$sum": {"$size": {"$ifNull": ["$line.notes", []]}}},
                        }
                    },
                    {"$sort": {"_id.currency": 1}},
                ]
            )
        )

    def rejected(self, job: str) -> Iterator[Document]:
        """The rejected rows in the order of the file: `row`, `reason`, `raw`."""
        return iter(
            self._rows.find({"job": job, "rejected": True}, {"row": 1, "reason": 1, "raw": 1})
            .sort("row", ASCENDING)
            .hint("rejected")
            .batch_size(1_000)
        )

    def forget_accepted(self, job: str) -> None:
        """Delete the rows that have become orders."""
        self._rows.delete_many({"job": job, "rejected": False})


class OutcomeRepository:
    """What became of each customer and order of a job."""

    def __init__(self, database: Database[Document]) -> None:
        self._outcomes = database[documents.OUTCOMES.name]

    def keep(self, job: str, outcomes: Iterable[Document]) -> None:
        """Keep outcomes; the same customer or order again replaces the earlier."""
        operations = [
            ReplaceOne({"_id": _outcome_id(job, outcome)}, {"job": job, **outcome}, upsert=True)
            for outcome in outcomes
        ]
        if operations:
            self._outcomes.bulk_write(operations, ordered=False)

    def customer_ids(self, job: str, keys: Iterable[str]) -> dict[str, str]:
        """The ids of the customers with these keys."""
        found = self._outcomes.find(
            {"job": job, "kind": "customer", "key": {"$in": list(keys)}}, {"key": 1, "id": 1}
        )
        return {outcome["key"]: outcome["id"] for outcome in found if outcome["id"]}

    def counts(self, job: str) -> list[Document]:
        """Numbers of outcomes by kind, status and guest."""
        return list(
            self._outcomes.aggregate(
                [
                    {"$match": {"job": job}},
                    {
                        "$group": {
                            "_id": {"kind": "$kind", "status": "$status", "guest": "$guest"},
                            "n": {"$sum": 1},
                        }
                    },
                ]
            )
        )


def accepted_row(row: int, raw: list[str], line: Line, *, buyer: str | None) -> Document:
    """A row that has become a line, as it is staged."""
    return {
        "row": row,
        "rejected": False,
        "raw": raw,
        "line": line.to_document(),
        "number": line.number,
        "buyer": buyer,
        "amount": Decimal128(line.amount),
        "currency": line.currency,
    }


def rejected_row(row: int, raw: list[str], rejection: Rejection) -> Document:
    """A row that is not taken, as it is staged."""
    amount = None if rejection.amount is None else Decimal128(rejection.amount)
    return {
        "row": row,
        "rejected": True,
        "raw": raw,
        "reason": rejection.reason[:2_000],
        "amount": amount,
        "currency": rejection.currency,
    }


def _outcome_id(job: str, outcome: Document) -> str:
    group = "customer" if outcome["kind"] == "customer" else "order"
    return f"{job}:{group}:{outcome['key']}"


def _insert_missing(collection: Any, operations: list[InsertOne[Document]]) -> None:
    try:
        if operations:
            collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        if any(failure["code"] != _DUPLICATE_KEY for failure in error.details["writeErrors"]):
            raise
