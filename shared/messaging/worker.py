"""How a service hears events: takes deliveries off its queue, has them handled, sends receipts.

Two tasks a service: `<service>.receive` for what others (or itself) said, `<service>.confirm` for
the receipts of what it said.
"""

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
from shared.messaging.consumer import Hearing, Subscriptions
from shared.settings import Settings

log = structlog.get_logger(__name__)


def create_worker(
    service: str,
    settings: Settings,
    join: Callable[[Database[Document]], Subscriptions],
    *,
    on_parked: Callable[[Database[Document], Any, str], None] | None = None,
    seconds: int = HANDLING_SECONDS,
) -> Celery:
    """The Celery application of a service's worker.

    `join` binds its subscribers to a database; `on_parked` is told of an event that was given up,
    with the reason; `seconds` are what the events of one message may take.
    """
    celery = create_celery(service, settings, seconds=seconds)
    hearing = Hearing(service=service, settings=settings, join=join, on_parked=on_parked)

    def receive(deliveries: object) -> None:
        send_receipts(celery, hearing.handle(deliveries), hearer=service)

    def confirm(receipts: list[list[str]], hearer: str) -> None:
        relay.confirm(hearing.database, receipts, hearer=hearer)

    # By default a task belongs to every application of its process, and the first of a name wins.
    celery.task(name=f"{service}.receive", shared=False)(receive)
    celery.task(name=f"{service}.confirm", shared=False)(confirm)
    return celery


def send_receipts(celery: Celery, settled: list[Document], *, hearer: str) -> None:
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
            send(celery, "confirm", queue=sender, receipts=group, hearer=hearer)
        except BROKER_OUTAGES as error:
            log.warning("receipt_not_sent", service=hearer, to=sender, reason=type(error).__name__)


def run_worker(celery: Celery, settings: Settings) -> None:
    """Work until told to stop."""
    # Celery warns of root because of pickle; we read nothing but JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    watchdog.guard(str(celery.main), settings)
    celery.worker_main(
        [
            "--quiet",
            "worker",
            f"--concurrency={settings.worker_processes}",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )
