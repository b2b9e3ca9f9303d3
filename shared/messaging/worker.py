"""How a service hears events: takes deliveries off its queue, has them handled, sends receipts.

Two tasks a service: `<service>.receive` for what others (or itself) said, `<service>.confirm` for
the receipts of what it said.
"""

import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import structlog
from celery import Celery
from celery.exceptions import SecurityWarning
from pymongo.database import Database

from shared.document import Document
from shared.messaging import relay, watchdog
from shared.messaging.broker import BROKER_OUTAGES, HANDLING_SECONDS, create_celery, send
from shared.messaging.consumer import Consumer, Subscriptions
from shared.settings import Settings

log = structlog.get_logger(__name__)


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

    def receive(deliveries: object) -> None:
        send_receipts(celery, consumer.handle(deliveries), subscriber=service)

    def confirm(receipts: list[list[str]], hearer: str) -> None:
        relay.confirm(consumer.database, receipts, subscriber=hearer)

    # By default a task belongs to every application of its process, and the first of a name wins.
    celery.task(name=f"{service}.receive", shared=False)(receive)
    celery.task(name=f"{service}.confirm", shared=False)(confirm)
    return celery


def send_receipts(celery: Celery, settled: list[Document], *, subscriber: str) -> None:
    """Tell the senders what they need not send again.

    A receipt that gets lost is asked for by sending again.
    """
    receipts: dict[str, list[list[str]]] = defaultdict(list)
    for delivery in settled:
        # What was parked because it is no delivery may not say whose it was.
        if delivery.keys() >= {"sender", "collection", "document_id"}:
            receipts[delivery["sender"]].append(
                [delivery["collection"], delivery["document_id"], delivery["id"]]
            )
    for sender, group in receipts.items():
        try:
            # Workers of the last release know the subscriber in a message as `hearer`.
            send(celery, "confirm", queue=sender, receipts=group, hearer=subscriber)
        except BROKER_OUTAGES as error:
            log.warning(
                "receipt_not_sent", service=subscriber, to=sender, reason=type(error).__name__
            )


def run_worker(celery: Celery, settings: Settings) -> None:
    """Work until told to stop."""
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
