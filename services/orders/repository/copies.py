"""Queries on orders' copies of customers. Knows no order."""

from collections.abc import Iterable, Sequence

from services.orders import documents
from shared.document import Document
from shared.mongo.bulk_writes import apply_states
from shared.mongo.repository import Repository


class CustomerCopyRepository(Repository):
    """Copies of customers, deleted ones included, as customers publishes them."""

    collection_name = documents.CUSTOMER_COPIES.name
    public = ("deleted", "version")

    def keep(self, copies: Sequence[Document]) -> None:
        """Keep the copies that are newer than what is known."""
        form = {"schema_version": documents.COPY_SCHEMA_VERSION}
        apply_states(self.collection, [copy | form for copy in copies], gone=("name",))

    def deletions(self, customer_ids: Iterable[str]) -> dict[str, bool]:
        """For each of these customers who has a copy, True if they were deleted."""
        found = self.collection.find({"_id": {"$in": list(customer_ids)}}, {"deleted": 1})
        return {copy["_id"]: copy["deleted"] for copy in found}
