"""Worker of accounts: takes the receipts for what accounts published. It subscribes to nothing."""

from functools import partial

from celery import Celery
from pymongo.database import Database

from shared.document import Document
from shared.messaging.consumer import Subscriptions
from shared.messaging.worker import create_worker as create_base
from shared.settings import Settings


def create_handlers(_settings: Settings, _database: Database[Document]) -> Subscriptions:
    """The handlers of accounts' subscriptions: none."""
    return {}


def create_worker(settings: Settings) -> Celery:
    """The Celery application of accounts' workers."""
    return create_base("accounts", settings, partial(create_handlers, settings))
