"""Subscriptions of customers: the operation that each event leads to. Holds no rule, no query."""

from functools import partial

from services.customers.bootstrap import CustomersContext
from services.customers.operations import activity, journal, purchases, staff
from shared.events.contracts import (
    ConsentChanged,
    CustomerDeleted,
    CustomerDetailsChanged,
    CustomerRegistered,
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
from shared.messaging.consumer import Subscriptions


def subscriptions(context: CustomersContext) -> Subscriptions:
    """The handler of each event that customers subscribes to."""
    customers, entries, ledger = context.customers, context.journal, context.ledger
    take_orders = partial(purchases.take_orders, customers, ledger, entries)
    keep_copies = partial(staff.keep_copies, context.staff)
    note_customers = partial(journal.note_customers, entries)
    return {
        OrderPlaced: take_orders,
        OrderPaid: take_orders,
        OrderShipped: take_orders,
        OrderDelivered: take_orders,
        OrderCancelled: take_orders,
        # It is no news, so nothing is written in the journal.
        OrderRestated: partial(purchases.keep_ledger, customers, ledger),
        UserRegistered: keep_copies,
        UserChanged: keep_copies,
        UserRestated: keep_copies,
        CustomerRegistered: note_customers,
        CustomerDetailsChanged: note_customers,
        CustomerDeleted: partial(journal.note_deletions, entries, context.letters),
        ConsentChanged: partial(journal.note_consents, entries),
        VisitorTied: partial(activity.bring_views, context.activity),
    }
