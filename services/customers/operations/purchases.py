"""Ledger of orders, and purchases of customers computed from it. Knows neither HTTP nor MongoDB."""

from collections.abc import Sequence

from services.customers.operations.journal import note_orders
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from services.customers.repository.ledger import LedgerRepository
from shared.events.contracts import OrderState
from shared.messaging.consumer import RetryLater

MAX_TRIES = 20


def take_orders(
    customers: CustomerRepository,
    ledger: LedgerRepository,
    journal: JournalRepository,
    events: Sequence[OrderState],
) -> None:
    """Note in the journals what became of orders, and keep them in the ledger."""
    note_orders(journal, events)
    keep_ledger(customers, ledger, events)


def keep_ledger(
    customers: CustomerRepository, ledger: LedgerRepository, events: Sequence[OrderState]
) -> None:
    """Record orders in the ledger, and what their customers have bought by now.

    Guest orders belong to nobody and are not recorded.
    """
    orders = [event for event in events if event.customer_id is not None]
    ledger.record(orders)
    refresh_purchases(
        customers, ledger, {order.customer_id for order in orders if order.customer_id}
    )


def refresh_purchases(
    customers: CustomerRepository, ledger: LedgerRepository, customer_ids: set[str]
) -> None:
    """Compute purchases from the ledger and store them.

    The revision is read before the ledger is: if another worker stores in between, ours may be
    older than theirs, is not stored, and is computed again.

    :raises RetryLater: others were always quicker.
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
