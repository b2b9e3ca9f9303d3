"""Queries on orders' copies of customers. Knows no order."""

from collections.abc import Iterable, Sequence

from services.orders import documents
from shared.document import Document
from shared.mongo.bulk_writes import apply_states
from shared.mongo.repository import Repository


class CustomerCopyRepository(Repository):
    """Copies of customers, deleted ones included, as customers publishes them."""

    collection_name = documents.CUSTOMER_COPIES.name
    public = ("name", "deleted", "version")

    def keep(self, copies: Sequence[Document]) -> None:
        """Keep the copies that are newer than what is known."""
        apply_states(self.collection, copies)

    def deletions(self, customer_ids: Iterable[str]) -> dict[str, bool]:
        """For each of these customers who has a copy, True if they were deleted."""
        found = self.collection.find({"_id": {"$in": list(customer_ids)}}, {"deleted": 1})
        return {copy["_id"]: copy["deleted"] for copy in found}
