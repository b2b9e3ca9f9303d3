"""Orders: sales and returns, and the steps that each of them has taken.

Owns orders and a copy of each customer. Publishes every change to an order; subscribes to changes
of customers.
"""

from shared.events.contracts import (
    CustomerChanged,
    CustomerDeleted,
    CustomerRegistered,
    CustomerRestated,
    OrderCancelled,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderRestated,
    OrderShipped,
)
from shared.events.event import Event

PUBLISHES: dict[type[Event], tuple[str, ...]] = {
    OrderPlaced: ("customers",),
    OrderPaid: ("customers",),
    OrderShipped: ("customers",),
    OrderDelivered: ("customers",),
    OrderCancelled: ("customers",),
    OrderRestated: ("customers",),
}
SUBSCRIBES: tuple[type[Event], ...] = (
    CustomerRegistered,
    CustomerChanged,
    CustomerDeleted,
    CustomerRestated,
)
