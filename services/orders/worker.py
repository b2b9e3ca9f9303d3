"""Worker of orders: joins its subscribers to the queue, as `app.py` joins its routes to HTTP."""

from functools import partial

from celery import Celery
from pymongo.database import Database

from services.orders import subscribers
from services.orders.bootstrap import create_context
from shared.document import Document
from shared.events.contracts import (
    CustomerChanged,
    CustomerDeleted,
    CustomerRegistered,
    CustomerRestated,
)
from shared.messaging.consumer import Subscriptions
from shared.messaging.worker import create_worker as create_base
from shared.settings import Settings


def create_handlers(_settings: Settings, database: Database[Document]) -> Subscriptions:
    """The handlers of orders' subscriptions, on this database."""
    copies = create_context(database).copies
    keep_copies = partial(subscribers.keep_copies, copies)
    return {
        CustomerRegistered: keep_copies,
        CustomerChanged: keep_copies,
        CustomerDeleted: partial(subscribers.forget_customers, copies),
        CustomerRestated: partial(subscribers.keep_republished_copies, copies),
    }


def create_worker(settings: Settings) -> Celery:
    """The Celery application of orders' workers."""
    return create_base("orders", settings, partial(create_handlers, settings))
