"""Worker of imports: joins its subscriber to the queue, as `app.py` joins its routes to HTTP."""

from functools import partial

from celery import Celery
from pymongo.database import Database

from services.imports import subscribers
from services.imports.bootstrap import create_context
from shared.document import Document
from shared.events.contracts import ImportAdvanced
from shared.messaging.consumer import Subscriptions
from shared.messaging.worker import create_worker as create_base
from shared.settings import Settings


def create_handlers(settings: Settings, database: Database[Document]) -> Subscriptions:
    """The handlers of imports' subscriptions, on this database."""
    return {ImportAdvanced: partial(subscribers.go_on, create_context(settings, database))}


def end_dead_lettered(
    settings: Settings, database: Database[Document], event: ImportAdvanced, error: str
) -> None:
    """End the import whose event was dead-lettered."""
    subscribers.end_dead_lettered(create_context(settings, database), event, error)


def create_worker(settings: Settings) -> Celery:
    """The Celery application of imports' workers."""
    return create_base(
        "imports",
        settings,
        partial(create_handlers, settings),
        on_dead_letter=partial(end_dead_lettered, settings),
        # A step may unpack the file up to where it goes on, then works for fifteen seconds and one
        # batch more.
        seconds=50,
    )
