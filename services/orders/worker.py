"""Joins orders' subscribers to the queue, as `app.py` joins its routes to HTTP."""

from functools import partial

from celery import Celery
from pymongo.database import Database

from services.orders import subscribers
from services.orders.repository.copies import CardRepository
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


def join(database: Database[Document]) -> Subscriptions:
    """Who hears what, on this database."""
    cards = CardRepository(database)
    keep_cards = partial(subscribers.keep_cards, cards)
    return {
        CustomerRegistered: keep_cards,
        CustomerChanged: keep_cards,
        CustomerDeleted: partial(subscribers.forget_customers, cards),
        CustomerRestated: partial(subscribers.keep_cards_anew, cards),
    }


def create_worker(settings: Settings) -> Celery:
    """The Celery application of orders' workers."""
    return create_base("orders", settings, join)
