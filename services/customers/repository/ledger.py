"""Queries on the ledger: the orders of customers, and the sums they come to.

Knows no customer, only their ids.
"""

from collections.abc import Sequence
from datetime import datetime

from bson import Decimal128

from services.customers import documents
from shared.document import Document
from shared.events.contracts import OrderState
from shared.mongo.bulk_writes import apply_states
from shared.mongo.client import LOCAL_READS
from shared.mongo.repository import Repository

NO_PURCHASES: Document = {
    "orders": 0,
    "returns": 0,
    "totals": [],
    "first_order_at": None,
    "last_order_at": None,
}


class LedgerRepository(Repository):
    """Ledger entries: one for each order, in its latest known state."""

    collection_name = documents.LEDGER.name
    public = ("customer_id", "kind", "status", "total", "currency", "placed_at", "version")

    def record(self, orders: Sequence[OrderState]) -> None:
        """Keep the orders that are newer than what is known.

        Late and repeated ones change nothing.
        """
        apply_states(self.collection, [to_document(order) for order in orders])

    def purchases(self, customer_ids: Sequence[str]) -> dict[str, Document]:
        """The purchases of each of these customers.

        Counts, net total for each currency, first and last sale.

        Cancelled orders do not count. Totals are exact sums, in the order of their currency codes.
        """
        is_sale = {"$eq": ["$kind", "sale"]}
        groups = self.collection.with_options(read_concern=LOCAL_READS).aggregate(
            [
                {
                    "$match": {
                        "customer_id": {"$in": list(customer_ids)},
                        "status": {"$ne": "cancelled"},
                    }
                },
                {
                    "$group": {
                        "_id": {"customer": "$customer_id", "currency": "$currency"},
                        "orders": {"$sum": {"$cond": [is_sale, 1, 0]}},
                        "returns": {"$sum": {"$cond": [is_sale, 0, 1]}},
                        "amount": {"$sum": "$total"},
                        "first": {"$min": {"$cond": [is_sale, "$placed_at", None]}},
                        "last": {"$max": {"$cond": [is_sale, "$placed_at", None]}},
                    }
                },
                {"$sort": {"_id.currency": 1}},
                {
                    "$group": {
                        "_id": "$_id.customer",
                        "orders": {"$sum": "$orders"},
                        "returns": {"$sum": "$returns"},
                        "totals": {"$push": {"amount": "$amount", "currency": "$_id.currency"}},
                        "first_order_at": {"$min": "$first"},
                        "last_order_at": {"$max": "$last"},
                    }
                },
            ]
        )
        found = {group.pop("_id"): group for group in groups}
        return {id: found.get(id, NO_PURCHASES) for id in customer_ids}


def to_document(order: OrderState) -> Document:
    """An order as the ledger keeps it."""
    return {
        "_id": order.order_id,
        "customer_id": order.customer_id,
        "kind": order.kind,
        "status": order.status,
        "total": Decimal128(order.total),
        "currency": order.currency,
        "placed_at": datetime.fromisoformat(order.placed_at),
        "version": order.version,
    }
