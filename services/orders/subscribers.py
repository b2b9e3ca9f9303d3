"""Subscriptions of orders: the operation that each event leads to. Holds no rule, no query."""

from functools import partial

from services.orders import operations
from services.orders.bootstrap import OrdersContext
from shared.events.contracts import (
    CustomerChanged,
    CustomerDeleted,
    CustomerRegistered,
    CustomerRestated,
)
from shared.messaging.consumer import Subscriptions


def subscriptions(context: OrdersContext) -> Subscriptions:
    """The handler of each event that orders subscribes to."""
    keep_copies = partial(operations.keep_copies, context.copies)
    return {
        CustomerRegistered: keep_copies,
        CustomerChanged: keep_copies,
        CustomerDeleted: keep_copies,
        CustomerRestated: keep_copies,
    }
