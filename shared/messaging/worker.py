"""Celery worker of a service: handles the deliveries in its queue, and confirms by receipts.

Two tasks a service: `<service>.receive` for events of others, or its own, and `<service>.confirm`
for the receipts of events that it published.
"""

import sys
import warnings
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from pymongo.database import Database

import shared.messaging.receipts
from shared.document import Document
from shared.messaging import watchdog
from shared.messaging.broker import HANDLING_SECONDS, create_celery
from shared.messaging.consumer import Consumer, Subscriptions
from shared.settings import Settings


def create_worker(
    service: str,
    settings: Settings,
    join: Callable[[Database[Document]], Subscriptions],
    *,
    on_dead_letter: Callable[[Database[Document], Any, str], None] | None = None,
    seconds: int = HANDLING_SECONDS,
) -> Celery:
    """The Celery application of a service's worker.

    `join` binds its handlers to a database; `on_dead_letter` is called with an event that was
    dead-lettered and the reason; `seconds` is the time limit for the events of one message.
    """
    celery = create_celery(service, settings, seconds=seconds)
    consumer = Consumer(
        service=service, settings=settings, join=join, on_dead_letter=on_dead_letter
    )

    # Messages in flight name the arguments of both tasks, so these names stay.
    def receive(deliveries: object) -> None:
        settled = consumer.handle(deliveries)
        shared.messaging.receipts.send(celery, settled, subscriber=service)

    def confirm(receipts: list[list[str]], hearer: str) -> None:
        shared.messaging.receipts.confirm(consumer.database, receipts, subscriber=hearer)

    # By default a task belongs to every application of its process, and the first of a name wins.
    celery.task(name=f"{service}.receive", shared=False)(receive)
    celery.task(name=f"{service}.confirm", shared=False)(confirm)
    return celery


def run_worker(celery: Celery, settings: Settings) -> None:
    """Work until a signal ends the process."""
    # Celery warns of root because of pickle; we read nothing but JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    watchdog.guard(str(celery.main), settings)
    # Not by Celery's command line, whose other commands and prompt take nine megabytes a process.
    worker = celery.Worker(
        concurrency=settings.worker_processes,
        loglevel="WARNING",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    sys.exit(worker.exitcode)
