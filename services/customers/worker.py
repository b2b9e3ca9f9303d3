"""Joins customers' subscribers to the queue, as `app.py` joins its routes to HTTP."""

from functools import partial

from celery import Celery
from pymongo.database import Database

from services.customers import SENDS, subscribers
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.ledger import LedgerRepository
from services.customers.repository.staff import StaffRepository
from shared.database import Document
from shared.events.contracts import (
    OrderCancelled,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderShipped,
    UserChanged,
    UserRegistered,
)
from shared.hearing import Subscriptions
from shared.settings import Settings
from shared.worker import create_worker as create_base


def join(database: Database[Document]) -> Subscriptions:
    """Who hears what, on this database."""
    keep_ledger = partial(
        subscribers.keep_ledger, CustomerRepository(database, SENDS), LedgerRepository(database)
    )
    keep_staff_card = partial(subscribers.keep_staff_card, StaffRepository(database))
    return {
        OrderPlaced: keep_ledger,
        OrderPaid: keep_ledger,
        OrderShipped: keep_ledger,
        OrderDelivered: keep_ledger,
        OrderCancelled: keep_ledger,
        UserRegistered: keep_staff_card,
        UserChanged: keep_staff_card,
    }


def create_worker(settings: Settings) -> Celery:
    """The Celery application of customers' workers."""
    return create_base("customers", settings, join)
