"""Every query on the rows of import jobs."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from bson import Decimal128
from pymongo import ASCENDING, InsertOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from services.imports import documents
from services.imports.model.lines import Line, Rejection
from shared.document import Document

_DUPLICATE_KEY = 11000


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
        """The number of orders or customers among the accepted rows."""
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

    def forget(self, job: str) -> None:
        """Delete all rows of a job."""
        self._rows.delete_many({"job": job})

    def forget_accepted(self, job: str) -> None:
        """Delete the rows that have become orders."""
        self._rows.delete_many({"job": job, "rejected": False})


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


def _insert_missing(collection: Any, operations: list[InsertOne[Document]]) -> None:
    try:
        if operations:
            collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        if any(failure["code"] != _DUPLICATE_KEY for failure in error.details["writeErrors"]):
            raise
