"""Worker of customers: joins its subscriptions to the queue, as `app.py` joins routes to HTTP."""

from functools import partial

from celery import Celery
from pymongo.database import Database

from services.customers.bootstrap import create_context
from services.customers.operations import journal
from services.customers.subscribers import subscriptions
from shared.document import Document
from shared.events.event import Event
from shared.messaging.consumer import Subscriptions
from shared.messaging.worker import create_worker as create_base
from shared.settings import Settings


def create_handlers(_settings: Settings, database: Database[Document]) -> Subscriptions:
    """The handlers of customers' subscriptions, on this database."""
    return subscriptions(create_context(database))


def forget_values(database: Database[Document], event: Event, _error: str) -> None:
    """Keep no dead letter with values of a customer who is deleted."""
    context = create_context(database)
    journal.forget_values_of_deleted(context.customers, context.letters, event)


def create_worker(settings: Settings) -> Celery:
    """The Celery application of customers' workers."""
    return create_base(
        "customers", settings, partial(create_handlers, settings), on_dead_letter=forget_values
    )
