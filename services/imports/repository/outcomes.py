"""Every query on the outcomes of import jobs: their customers and orders."""

from collections.abc import Iterable

from pymongo import ReplaceOne
from pymongo.database import Database

from services.imports import documents
from shared.document import Document


class OutcomeRepository:
    """The outcome of each customer and order of a job."""

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

    def count_shared_emails(self, job: str) -> int:
        """The number of customers of the file who are another one by their e-mail address."""
        return self._outcomes.count_documents(
            {"job": job, "kind": "customer", "status": "unchanged", "reason": {"$ne": None}}
        )

    def counts(self, job: str) -> list[Document]:
        """Numbers of customers and orders by kind, status and guest.

        A customer by several names in the file counts once.
        """
        return list(
            self._outcomes.aggregate(
                [
                    {"$match": {"job": job}},
                    {
                        "$group": {
                            "_id": {
                                "kind": "$kind",
                                "guest": "$guest",
                                "who": {"$ifNull": ["$id", "$_id"]},
                            },
                            # Of "created" and "unchanged", the first in the alphabet.
                            "status": {"$min": "$status"},
                        }
                    },
                    {
                        "$group": {
                            "_id": {
                                "kind": "$_id.kind",
                                "status": "$status",
                                "guest": "$_id.guest",
                            },
                            "n": {"$sum": 1},
                        }
                    },
                ]
            )
        )


def _outcome_id(job: str, outcome: Document) -> str:
    group = "customer" if outcome["kind"] == "customer" else "order"
    return f"{job}:{group}:{outcome['key']}"
