"""Subscribers of orders: keep a copy of each customer's state by the events of customers."""

from collections.abc import Sequence

from services.orders.repository.copies import CustomerCopyRepository
from shared.events.contracts import CustomerDeleted, CustomerRestated, CustomerState


def keep_copies(copies: CustomerCopyRepository, events: Sequence[CustomerState]) -> None:
    """Keep a copy of each customer, so that an order need not ask another service."""
    copies.keep(
        [
            {
                "_id": event.customer_id,
                "name": event.name,
                "deleted": False,
                "version": event.version,
            }
            for event in events
        ]
    )


def forget_customers(copies: CustomerCopyRepository, events: Sequence[CustomerDeleted]) -> None:
    """Wipe the names of deleted customers, and note that no order can be placed for them."""
    copies.keep(
        [
            {"_id": event.customer_id, "name": None, "deleted": True, "version": event.version}
            for event in events
        ]
    )


def keep_republished_copies(
    copies: CustomerCopyRepository, events: Sequence[CustomerRestated]
) -> None:
    """Keep copies of customers as they are by now, deleted or not."""
    copies.keep(
        [
            {
                "_id": event.customer_id,
                "name": event.name,
                "deleted": event.deleted,
                "version": event.version,
            }
            for event in events
        ]
    )
