"""Customers: who they are, and what they have bought, as the orders service told us.

Owns customers and a ledger of their orders. Tells of every change to a customer; hears every
change to an order, and to the staff.
"""

from shared.events.contracts import (
    CustomerChanged,
    CustomerDeleted,
    CustomerRegistered,
    OrderCancelled,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderShipped,
    UserChanged,
    UserRegistered,
)
from shared.events.envelope import Event

SENDS: dict[type[Event], tuple[str, ...]] = {
    CustomerRegistered: ("orders",),
    CustomerChanged: ("orders",),
    CustomerDeleted: ("orders",),
}
HEARS: tuple[type[Event], ...] = (
    OrderPlaced,
    OrderPaid,
    OrderShipped,
    OrderDelivered,
    OrderCancelled,
    UserRegistered,
    UserChanged,
)
