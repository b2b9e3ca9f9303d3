"""Celery worker of a service: handles the deliveries in its queue, and confirms by receipts.

Two tasks a service: `<service>.receive` for events of others, or its own, and `<service>.confirm`
for the receipts of events that it published.
"""

import logging
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from pymongo.database import Database

from shared.document import Document
from shared.failures import Plain, in_short
from shared.messaging import forgeries, watchdog
from shared.messaging import receipts as receipts_of
from shared.messaging.broker import HANDLING_SECONDS, create_celery
from shared.messaging.consumer import Consumer, Subscriptions
from shared.settings import Settings

# Its types do not name these texts.
_CELERY: Any = import_module("celery.worker.consumer.consumer")
_TOLD_WITH_CONTENTS = (
    _CELERY.UNKNOWN_FORMAT,
    _CELERY.UNKNOWN_TASK_ERROR,
    _CELERY.INVALID_TASK_ERROR,
    _CELERY.MESSAGE_DECODE_ERROR,
)


class TaskFailed(Plain):
    """A task failed as a whole; its message comes again."""


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
    @_plain_failures
    def receive(deliveries: object) -> None:
        settled = consumer.handle(deliveries)
        receipts_of.send(celery, settled, subscriber=service, signer=consumer.signer)

    # One without a signature is of the last release, or of nobody.
    @_plain_failures
    def confirm(receipts: list[list[str]], hearer: str, signature: str = "") -> None:
        genuine = receipts_of.are_genuine(
            receipts, hearer, signature, sender=service, signer=consumer.signer
        )
        if genuine:
            receipts_of.confirm(consumer.database, receipts, subscriber=hearer)
        else:
            message = {"receipts": receipts, "hearer": hearer, "signature": signature}
            forgeries.note([message], "forged receipts", service=service, inbox=consumer.inbox)

    # By default a task belongs to every application of its process, and the first of a name wins.
    celery.task(name=f"{service}.receive", shared=False)(receive)
    celery.task(name=f"{service}.confirm", shared=False)(confirm)
    return celery


def _without_contents(record: logging.LogRecord) -> bool:
    """Leave the contents out of what Celery says of a message that it can make nothing of."""
    if record.msg in _TOLD_WITH_CONTENTS:
        record.msg, record.args = str(record.msg).split("%", 1)[0].strip(), ()
    return True


def _plain_failures(task: Callable[..., None]) -> Callable[..., None]:
    """The task, whose failure Celery may log: it writes out an exception with all its text."""

    @wraps(task)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            task(*args, **kwargs)
        except Exception as error:
            raise TaskFailed(in_short(error)) from error

    return run


def run_worker(celery: Celery, settings: Settings) -> None:
    """Work until a signal ends the process."""
    # Celery warns of root because of pickle; we read nothing but JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    logging.getLogger(_CELERY.__name__).addFilter(_without_contents)
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
