"""Joins imports' subscriber to the queue, as `app.py` joins its routes to HTTP."""

from functools import partial

from celery import Celery
from pymongo.database import Database

from services.imports import SENDS, shop_client, subscribers
from services.imports.repository.files import FileStore
from services.imports.repository.jobs import JobRepository
from services.imports.repository.outcomes import OutcomeRepository
from services.imports.repository.rows import RowRepository
from services.imports.steps import Desk
from shared.events.contracts import ImportAdvanced
from shared.messaging.consumer import Subscriptions
from shared.messaging.worker import create_worker as create_base
from shared.mongo.client import Document
from shared.settings import Settings


def create_desk(settings: Settings, database: Database[Document]) -> Desk:
    """What the work of imports needs, on this database."""
    return Desk(
        jobs=JobRepository(database, SENDS),
        files=FileStore(database),
        rows=RowRepository(database),
        outcomes=OutcomeRepository(database),
        enter=partial(shop_client.connect, settings),
        leave=partial(shop_client.end_delegation, settings),
        most_bytes=settings.import_max_unpacked_bytes,
    )


def join(settings: Settings, database: Database[Document]) -> Subscriptions:
    """Who hears what, on this database."""
    return {ImportAdvanced: partial(subscribers.go_on, create_desk(settings, database))}


def give_up(
    settings: Settings, database: Database[Document], event: ImportAdvanced, error: str
) -> None:
    """What follows when an event is parked."""
    subscribers.give_up(create_desk(settings, database), event, error)


def create_worker(settings: Settings) -> Celery:
    """The Celery application of imports' workers."""
    return create_base(
        "imports",
        settings,
        partial(join, settings),
        on_parked=partial(give_up, settings),
        # A step reads the whole file, then works on for fifteen seconds and the batch after them.
        seconds=50,
    )
