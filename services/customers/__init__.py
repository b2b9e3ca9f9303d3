"""Customers: who they are, what they have bought, and all that happened with them.

Owns customers, a ledger of their orders, their journal, and visitors of the shop's website. Tells
of every change to a customer; hears every change to an order, and to the staff, and for the journal
what it tells itself.
"""

from shared.events.contracts import (
    ConsentChanged,
    CustomerChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    CustomerRegistered,
    CustomerRestated,
    OrderCancelled,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderRestated,
    OrderShipped,
    UserChanged,
    UserRegistered,
    UserRestated,
    VisitorTied,
)
from shared.events.event import Event

PUBLISHES: dict[type[Event], tuple[str, ...]] = {
    CustomerRegistered: ("orders", "customers"),
    CustomerChanged: ("orders",),
    CustomerDetailsChanged: ("customers",),
    ConsentChanged: ("customers",),
    CustomerDeleted: ("orders", "customers"),
    VisitorTied: ("customers",),
    CustomerRestated: ("orders",),
}
SUBSCRIBES: tuple[type[Event], ...] = (
    OrderPlaced,
    OrderPaid,
    OrderShipped,
    OrderDelivered,
    OrderCancelled,
    OrderRestated,
    UserRegistered,
    UserChanged,
    UserRestated,
    CustomerRegistered,
    CustomerDetailsChanged,
    ConsentChanged,
    CustomerDeleted,
    VisitorTied,
)
