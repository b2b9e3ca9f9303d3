"""Queries on orders. Knows no copy of a customer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from bson import Decimal128
from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from services.orders import documents
from services.orders.model import (
    Line,
    NoSuchOrder,
    Order,
    OrderNumberTaken,
    placed_in_future,
)
from services.orders.repository.filters import plan
from shared.document import Document
from shared.errors import FieldError, NotFound, Refusal
from shared.events.event import Event
from shared.idempotency import CreationRequest
from shared.mongo.client import write_errors
from shared.mongo.filters import Plan
from shared.mongo.paging import Page
from shared.mongo.repository import Repository

Number = tuple[str, str]
"""Number and source, which together name an order."""

_DUPLICATE_KEY = 11000
_DOCUMENT_INVALID = 121


class OrderRepository(Repository):
    """Orders and returns."""

    collection_name = documents.ORDERS.name
    public = (
        "number",
        "source",
        "kind",
        "status",
        "customer_id",
        "placed_at",
        "recorded_at",
        "updated_at",
        "currency",
        "lines",
        "total",
        "shipping_address",
        "version",
    )
    # The lines may be many, and with the rest stay as they were placed.
    changing = ("status", "updated_at")

    def add(self, order: Order, *events: Event, request: CreationRequest | None = None) -> Document:
        """Add an order; answers with it as callers see it, or as the same request was answered.

        :raises OrderNumberTaken: the source has an order with this number.
        :raises PlacedInFuture: by the database's clock it is not that late yet.
        :raises IdempotencyKeyReused: the request's key came with another body.
        """
        try:
            return self.insert(to_document(order), *events, request=request)
        except DuplicateKeyError as error:
            raise number_taken(order, holder=self._holder(order)) from error
        except OperationFailure as error:
            if _is_future(error.details or {}):
                raise placed_in_future() from error
            raise

    def add_many(
        self, entries: Sequence[tuple[Order, Event]], *, batch: str
    ) -> list[Refusal | None]:
        """Add orders; for each, None or why it was not added, without who has a taken number."""
        outcomes: list[Refusal | None] = [None] * len(entries)
        writes = [
            UpdateOne(
                {"_id": order.id},
                _insertion({**to_document(order), "batch": batch, "outbox": self.outbox(event)}),
                upsert=True,
            )
            for order, event in entries
        ]
        try:
            if writes:
                self.collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            for failure in write_errors(error):
                outcomes[failure["index"]] = _refusal(
                    failure, entries[failure["index"]][0], cause=error
                )
        return outcomes

    def find_numbers(self, numbers: Iterable[Number]) -> dict[Number, Document]:
        """Id, fingerprint and batch of the orders that have one of these numbers."""
        sources: dict[str, list[str]] = {}
        for number, source in numbers:
            sources.setdefault(source, []).append(number)
        if not sources:
            return {}
        found = self.collection.find(
            {
                "$or": [
                    {"number": {"$in": group}, "source": source}
                    for source, group in sources.items()
                ]
            },
            {"number": 1, "source": 1, "fingerprint": 1, "batch": 1},
        )
        return {(document["number"], document["source"]): document for document in found}

    def get(self, id: str) -> Document:
        """One order as callers see it.

        :raises NoSuchOrder: there is none.
        """
        try:
            return super().get(id)
        except NotFound as error:
            raise NoSuchOrder("There is no order with this id.") from error

    def search(self, query: Document, *, after: list[Any] | None, limit: int) -> Page:
        """A page of orders, newest first; those with one `number` in the order of their sources."""
        way = plan(query)
        if way.lead is not None and way.lead.name == "number":
            return self._by_number(way, after=after, limit=limit)
        return self.page(way.range, after=after, limit=limit, where=way.where)

    def _by_number(self, way: Plan, *, after: list[Any] | None, limit: int) -> Page:
        """Walk the number index: each source has one order of a number at most."""
        beyond = {} if after is None else {"source": {"$gt": after[0]}}
        found = (
            self.collection.find({"$and": [way.where, beyond]}, self._projection)
            .sort(list(way.range.keys))
            .hint(way.range.index)
            .limit(limit + 1)
        )
        items = list(found)
        return Page(
            items=items[:limit], next=[items[limit - 1]["source"]] if len(items) > limit else None
        )

    def _add(self, document: Document) -> Document:
        added = self.collection.find_one_and_update(
            {"_id": document["_id"]},
            _insertion(document),
            upsert=True,
            projection=self._projection,
            return_document=ReturnDocument.AFTER,
        )
        return cast(Document, added)  # An upsert that answers with what is there after it.

    def _holder(self, order: Order) -> str | None:
        number = (order.number, order.source)
        holder = self.find_numbers([number]).get(number)
        return None if holder is None else str(holder["_id"])


def _insertion(document: Document) -> Document:
    """The upsert that adds an order and lets the server's own clock say when."""
    fields = {name: value for name, value in document.items() if name != "_id"}
    return {"$setOnInsert": fields, "$currentDate": {"recorded_at": True}}


def to_document(order: Order) -> Document:
    """An order as it is stored, without its outbox and the time it was recorded at."""
    address = order.shipping_address
    return {
        "_id": order.id,
        "number": order.number,
        "source": order.source,
        "kind": order.kind,
        "status": order.status,
        "customer_id": order.customer_id,
        "placed_at": order.placed_at,
        "updated_at": order.updated_at,
        "currency": order.currency,
        "lines": [_line(line) for line in order.lines],
        "total": Decimal128(order.total),
        "shipping_address": None if address is None else asdict(address),
        "version": order.version,
        "schema_version": documents.SCHEMA_VERSION,
        "fingerprint": order.fingerprint,
    }


def number_taken(order: Order, *, holder: str | None) -> OrderNumberTaken:
    """The refusal of an order whose number its source has used."""
    error = FieldError("number", f"{order.number} is taken.", holder)
    return OrderNumberTaken("This source has another order with this number.", errors=(error,))


def _line(line: Line) -> Document:
    # Not asdict(): it copies deeply, and there may be thousands in one call.
    return {
        "sku": line.sku,
        "description": line.description,
        "quantity": line.quantity,
        "unit_price": Decimal128(line.unit_price),
        "subtotal": Decimal128(line.subtotal),
    }


def _refusal(failure: Document, order: Order, *, cause: BulkWriteError) -> Refusal:
    if failure["code"] == _DUPLICATE_KEY:
        return number_taken(order, holder=None)
    if _is_future(failure):
        return placed_in_future()
    raise cause


def _is_future(failure: Mapping[str, Any]) -> bool:
    return failure.get("code") == _DOCUMENT_INVALID and documents.refused_as_future(
        failure.get("errInfo", {})
    )
