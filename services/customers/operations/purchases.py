"""Ledger entries of orders, and the purchases of customers computed from them."""

from collections.abc import Sequence
from datetime import datetime

from bson import Decimal128

from services.customers.repository.customers import CustomerRepository
from services.customers.repository.ledger import LedgerRepository
from shared.events.contracts import OrderState
from shared.messaging.consumer import RetryLater

MAX_TRIES = 20


def keep_ledger(
    customers: CustomerRepository, ledger: LedgerRepository, events: Sequence[OrderState]
) -> None:
    """Record orders in the ledger, and what their customers have bought by now.

    Guest orders belong to nobody and are not recorded.
    """
    orders = [event for event in events if event.customer_id is not None]
    ledger.record(
        [
            {
                "_id": order.order_id,
                "customer_id": order.customer_id,
                "kind": order.kind,
                "status": order.status,
                "total": Decimal128(order.total),
                "currency": order.currency,
                "placed_at": datetime.fromisoformat(order.placed_at),
                "version": order.version,
            }
            for order in orders
        ]
    )
    refresh_purchases(
        customers, ledger, {order.customer_id for order in orders if order.customer_id}
    )


def refresh_purchases(
    customers: CustomerRepository, ledger: LedgerRepository, customer_ids: set[str]
) -> None:
    """Compute purchases from the ledger anew and store them.

    The revision is read before the ledger is: if another worker stores in between, ours may be
    older than theirs, is not stored, and is computed again.

    :raises NotNow: others were always quicker.
    """
    waiting = customer_ids
    for _ in range(MAX_TRIES):
        revisions = customers.revisions(waiting)
        purchases = ledger.purchases(sorted(revisions))
        waiting = {
            id
            for id, revision in revisions.items()
            if not customers.set_purchases(id, purchases[id], revision=revision)
        }
        if not waiting:
            return
    raise RetryLater("Many orders of the same customers arrive at once.")
