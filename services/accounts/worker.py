"""Accounts' worker. It hears nobody; it takes the receipts for what accounts told others."""

from celery import Celery
from pymongo.database import Database

from shared.document import Document
from shared.messaging.consumer import Subscriptions
from shared.messaging.worker import create_worker as create_base
from shared.settings import Settings


def join(_: Database[Document]) -> Subscriptions:
    """Who hears what: nobody, nothing."""
    return {}


def create_worker(settings: Settings) -> Celery:
    """The Celery application of accounts' workers."""
    return create_base("accounts", settings, join)
