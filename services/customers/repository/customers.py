"""Queries on customers. Knows no journal and no order."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.customers import documents
from services.customers.model.customers import (
    Customer,
    CustomerDeletedSince,
    EmailTaken,
    ExternalIdTaken,
    NoSuchCustomer,
)
from services.customers.repository.filters import plan
from services.customers.repository.mapping import to_document
from services.customers.repository.name_pages import page_by_name
from services.customers.repository.upcasting import upcast
from shared.document import Document
from shared.errors import FieldError, NotFound, Refusal
from shared.events.event import Event
from shared.idempotency import BARE_REQUEST, CreationRequest
from shared.mongo.client import LOCAL_READS, write_errors
from shared.mongo.paging import Page
from shared.mongo.repository import Repository

_MAX_AT_ONCE = 200
"""As many as may be asked for by id: the server's first answer would have 101 otherwise."""


class CustomerRepository(Repository):
    """Customers, and what stays of deleted ones."""

    collection_name = documents.CUSTOMERS.name
    public = (
        "external_id",
        "first_name",
        "last_name",
        "company",
        "emails",
        "phones",
        "addresses",
        "tags",
        "preferences",
        "channels",
        "interests",
        "created_at",
        "updated_at",
        "purchases",
        "version",
        "schema_version",
        "revision",
    )

    def upcast(self, document: Document) -> Document:
        """A document as it was read, in today's form."""
        return upcast(document)

    def add(
        self, customer: Customer, *events: Event, request: CreationRequest | None = None
    ) -> Document:
        """Add a customer.

        Answers with it as callers see it, or with the first answer to the same request.

        :raises EmailTaken: an address belongs to another customer.
        :raises ExternalIdTaken: the external id belongs to another customer.
        :raises IdempotencyKeyReused: the request's key came with another body.
        :raises CustomerDeletedSince: whom the same request added before was deleted.
        """
        try:
            return self.insert(to_document(customer), *events, request=request)
        except DuplicateKeyError as error:
            raise self._taken(error.details or {}, customer) from error

    def first_answer(self, request: CreationRequest | None) -> Document | None:
        """The answer that this request got before, or None if it is new.

        :raises IdempotencyKeyReused: its key came with another body.
        :raises CustomerDeletedSince: the customer was deleted since.
        """
        answer = super().first_answer(request)
        if answer is not None and "deleted_at" in answer:
            raise CustomerDeletedSince.of(answer["_id"])
        return answer

    def add_many(
        self, entries: Sequence[tuple[Customer, Sequence[Event]]], *, batch: str
    ) -> list[str | Refusal]:
        """Add customers that have no one in their way; for each, its id or the refusal."""
        outcomes: list[str | Refusal] = [customer.id for customer, _ in entries]
        rows = [
            {**to_document(customer), "batch": batch, "outbox": self.outbox(*events)}
            for customer, events in entries
        ]
        try:
            if rows:
                self.collection.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            for failure in write_errors(error):
                outcomes[failure["index"]] = self._taken(failure, entries[failure["index"]][0])
        return outcomes

    def find_matches(self, *, external_ids: Iterable[str], emails: Iterable[str]) -> list[Document]:
        """The customers that have one of these external ids or (as keys) e-mail addresses."""
        return list(
            self.collection.find(
                {
                    "$or": [
                        {"external_id": {"$in": list(external_ids)}},
                        {"keys.emails": {"$in": list(emails)}},
                    ]
                },
                {"external_id": 1, "keys.emails": 1, "batch": 1},
            )
        )

    def save(self, customer: Customer, *events: Event) -> Document:
        """Write a changed customer over the version it was made from.

        :raises Stale: it has another version by now.
        :raises EmailTaken: an address belongs to another customer.
        :raises ExternalIdTaken: the external id belongs to another customer.
        """
        unchanging = {"_id", "created_at", "version", "purchases", "revision"}
        fields = {
            name: value for name, value in to_document(customer).items() if name not in unchanging
        }
        try:
            return self.change(customer.id, fields, *events, version=customer.version)
        except DuplicateKeyError as error:
            raise self._taken(error.details or {}, customer) from error

    def delete(self, id: str, *events: Event, version: int, now: datetime) -> None:
        """Forget everything about a customer but that there was one, and by which request.

        :raises Stale: it has another version by now.
        """
        left = {"deleted_at": now, "schema_version": documents.SCHEMA_VERSION}
        self.replace(id, left, *events, version=version, kept=BARE_REQUEST)

    def get(self, id: str) -> Document:
        """One customer as callers see it.

        :raises NoSuchCustomer: there is none.
        """
        try:
            return super().get(id)
        except NotFound as error:
            raise NoSuchCustomer("There is no customer with this id.") from error

    def search(self, query: Document, *, after: list[Any] | None, limit: int) -> Page:
        """A page of customers, newest first.

        By the beginning of a name (`q`), alone or with a tag, in the order of the names.
        """
        way = plan(query)
        if way.lead is not None and way.lead.is_unique:
            found = self.collection.find(way.where, self._projection).hint(way.range.index)
            page = Page(items=list(found.batch_size(_MAX_AT_ONCE)), next=None)
        elif way.lead is not None and way.lead.name == "q":
            page = page_by_name(self.collection, self._projection, way, after=after, limit=limit)
        else:
            return self.page(way.range, after=after, limit=limit, where=way.where)
        return Page(items=[self.upcast(item) for item in page.items], next=page.next)

    def set_purchases(self, customer_id: str, purchases: Document, *, revision: int) -> bool:
        """Store what a customer has bought, if nobody did since `revision`.

        True if stored, or not needed.
        """
        outcome = self.collection.update_one(
            {"_id": customer_id, "revision": revision},
            {"$set": {"purchases": purchases, "revision": revision + 1}},
        )
        return outcome.matched_count == 1

    def revisions(self, customer_ids: Iterable[str]) -> dict[str, int]:
        """The revision of the purchases of each of these customers that is live."""
        found = self.collection.with_options(read_concern=LOCAL_READS).find(
            {"_id": {"$in": list(customer_ids)}, "deleted_at": None}, {"revision": 1}
        )
        return {document["_id"]: document["revision"] for document in found}

    def is_live(self, id: str) -> bool:
        """True if a customer is there and was not deleted.

        :raises NoSuchCustomer: there never was one.
        """
        found = self.collection.find_one({"_id": id}, {"deleted_at": 1})
        if found is None:
            raise NoSuchCustomer("There is no customer with this id.")
        return "deleted_at" not in found

    def _taken(self, details: Mapping[str, Any], customer: Customer) -> Refusal:
        """The refusal behind a duplicate key: which field, and who holds the value."""
        if "external_id" in details["keyPattern"]:
            holder = self._holder({"external_id": customer.external_id})
            error = FieldError("external_id", f"{customer.external_id} is taken.", holder)
            return ExternalIdTaken("Another customer has this external id.", errors=(error,))
        key = details["keyValue"].get("keys.emails")
        index = customer.email_keys.index(key) if key in customer.email_keys else 0
        error = FieldError(
            f"emails.{index}.address",
            f"{customer.emails[index].address} is taken.",
            self._holder({"keys.emails": key}),
        )
        return EmailTaken("Another customer has this e-mail address.", errors=(error,))

    def _holder(self, query: Document) -> str | None:
        holder = self.collection.find_one(query, {"_id": 1})
        return None if holder is None else str(holder["_id"])
