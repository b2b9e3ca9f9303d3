"""Worker of customers: joins its subscribers to the queue, as `app.py` joins its routes to HTTP."""

from collections.abc import Sequence
from functools import partial

from celery import Celery
from pymongo.database import Database

from services.customers import subscribers
from services.customers.bootstrap import create_context
from services.customers.model import journal_entries
from services.customers.operations import purchases
from shared.document import Document
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
    OrderState,
    UserChanged,
    UserRegistered,
    UserRestated,
    VisitorTied,
)
from shared.messaging.consumer import Subscriptions
from shared.messaging.worker import create_worker as create_base
from shared.settings import Settings


def create_handlers(_settings: Settings, database: Database[Document]) -> Subscriptions:
    """The handlers of customers' subscriptions, on this database."""
    context = create_context(database)
    customers, journal, ledger = context.customers, context.journal, context.ledger

    def take_order(events: Sequence[OrderState]) -> None:
        subscribers.note_orders(journal, events)
        purchases.keep_ledger(customers, ledger, events)

    note_customers = partial(subscribers.note, journal, journal_entries.of_customer)
    keep_staff_copies = partial(subscribers.keep_staff_copies, context.staff)
    return {
        OrderPlaced: take_order,
        OrderPaid: take_order,
        OrderShipped: take_order,
        OrderDelivered: take_order,
        OrderCancelled: take_order,
        # It is no news, so nothing is written in the journal.
        OrderRestated: partial(purchases.keep_ledger, customers, ledger),
        UserRegistered: keep_staff_copies,
        UserChanged: keep_staff_copies,
        UserRestated: keep_staff_copies,
        CustomerRegistered: note_customers,
        CustomerDetailsChanged: note_customers,
        CustomerDeleted: note_customers,
        ConsentChanged: partial(subscribers.note, journal, journal_entries.of_consents),
        VisitorTied: partial(subscribers.bring_views, context.activity),
    }


def create_worker(settings: Settings) -> Celery:
    """The Celery application of customers' workers."""
    return create_base("customers", settings, partial(create_handlers, settings))
