"""Customers: the people and companies the shop sells to, their purchases and their journal.

Owns customers, a ledger of their orders, their journal, and visitors of the shop's website.
Publishes every change to a customer; subscribes to changes of orders and of the staff, and for the
journal to its own events.
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
