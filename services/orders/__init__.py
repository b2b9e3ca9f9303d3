"""Orders: what was sold and what came back, and how far each of them has got.

Owns orders and a card of each customer. Tells of every change to an order; hears every change to
a customer.
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
