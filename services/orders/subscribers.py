"""What orders does when customers speaks: plain functions of the cards and events."""

from collections.abc import Sequence

from services.orders.repository.copies import CardRepository
from shared.events.contracts import CustomerDeleted, CustomerRestated, CustomerState


def keep_cards(cards: CardRepository, events: Sequence[CustomerState]) -> None:
    """Keep a card of each customer, so that an order need not ask another service."""
    cards.keep(
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


def forget_customers(cards: CardRepository, events: Sequence[CustomerDeleted]) -> None:
    """Wipe the names of deleted customers, and note that no order can be placed for them."""
    cards.keep(
        [
            {"_id": event.customer_id, "name": None, "deleted": True, "version": event.version}
            for event in events
        ]
    )


def keep_cards_anew(cards: CardRepository, events: Sequence[CustomerRestated]) -> None:
    """Keep cards of customers as they are by now, deleted or not."""
    cards.keep(
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
