"""Queries on copies of members of staff."""

from collections.abc import Sequence

from services.customers import documents
from shared.document import Document
from shared.mongo.bulk_writes import apply_states
from shared.mongo.repository import Repository


class StaffRepository(Repository):
    """Copies of members of staff, as accounts publishes them."""

    collection_name = documents.STAFF.name
    public = ("role", "active", "version")

    def keep(self, copies: Sequence[Document]) -> None:
        """Keep the copies that are newer than what is known."""
        form = {"schema_version": documents.COPY_SCHEMA_VERSION}
        apply_states(self.collection, [copy | form for copy in copies], gone=("name",))
