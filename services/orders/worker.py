"""Worker of orders: joins its subscriptions to the queue, as `app.py` joins routes to HTTP."""

from functools import partial

from celery import Celery
from pymongo.database import Database

from services.orders.bootstrap import create_context
from services.orders.subscribers import subscriptions
from shared.document import Document
from shared.messaging.consumer import Subscriptions
from shared.messaging.worker import create_worker as create_base
from shared.settings import Settings


def create_handlers(_settings: Settings, database: Database[Document]) -> Subscriptions:
    """The handlers of orders' subscriptions, on this database."""
    return subscriptions(create_context(database))


def create_worker(settings: Settings) -> Celery:
    """The Celery application of orders' workers."""
    return create_base("orders", settings, partial(create_handlers, settings))
