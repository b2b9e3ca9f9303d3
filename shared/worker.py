"""How a service hears events.

Takes deliveries off its queue, runs its handlers, and sends receipts.

Two tasks a service: `<service>.receive` for what others (or itself) said, `<service>.confirm` for
the receipts of what it said. Handlers are plain functions of a list of events of one type; they
have to be idempotent, since an event may come twice, late and out of order.
"""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import structlog
from celery import Celery
from celery.exceptions import SecurityWarning
from kombu.exceptions import OperationalError
from pymongo.database import Database
from pymongo.errors import (
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    WaitQueueTimeoutError,
)

from shared import outbox
from shared.database import connect, database
from shared.events.envelope import Event
from shared.inbox import Inbox
from shared.messages import create_celery
from shared.settings import Settings

Document = dict[str, Any]
Handler = Callable[[Sequence[Any]], None]
Subscriptions = Mapping[type[Event], Handler]
log = structlog.get_logger(__name__)


# What a handler meets when MongoDB is away: no fault of the event either.
_OUTAGES = (ConnectionFailure, CursorNotFound, ExecutionTimeout, WaitQueueTimeoutError)


class NotNow(Exception):
    """A handler cannot act on an event yet, through no fault of the event.

    It will be sent again.
    """


@dataclass
class Hearing:
    """What a worker process needs to handle events.

    Made on first use, so after the pool has forked.
    """

    service: str
    settings: Settings
    join: Callable[[Database[Document]], Subscriptions]
    on_parked: Callable[[Database[Document], Any, str], None] | None = None

    @cached_property
    def database(self) -> Database[Document]:
        """The service's database. A MongoDB client must not be carried across a fork."""
        return database(connect(self.settings), self.settings, self.service)

    @cached_property
    def inbox(self) -> Inbox:
        """The record of what was heard."""
        return Inbox(self.database)

    @cached_property
    def handlers(self) -> dict[str, tuple[type[Event], Handler]]:
        """Event and handler by the event's name."""
        return {
            event.__name__: (event, handler) for event, handler in self.join(self.database).items()
        }

    def handle(self, deliveries: list[Document]) -> list[Document]:
        """Handle deliveries; returns those that are dealt with: done, done before, or parked."""
        attempts = self.inbox.recall([delivery["id"] for delivery in deliveries])
        settled = [delivery for delivery in deliveries if delivery["id"] in attempts.done]
        fresh = [
            delivery
            for delivery in deliveries
            if delivery["id"] not in attempts.done | attempts.tried.keys()
        ]
        for name, group in _by_name(fresh):
            settled += self._handle_group(name, group)
        again = [delivery for delivery in deliveries if delivery["id"] in attempts.tried]
        # One of those that were tried together may have killed the worker. Each by itself, counted
        # when its turn comes and the least tried first, that one alone is parked in the end.
        for delivery in sorted(again, key=lambda delivery: attempts.tried[delivery["id"]]):
            if delivery["id"] in attempts.spent:
                self._park(delivery, attempts.errors[delivery["id"]])
                settled.append(delivery)
            else:
                settled += self._handle_group(delivery["name"], [delivery])
        return settled

    def _handle_group(self, name: str, deliveries: list[Document]) -> list[Document]:
        self.inbox.count_attempt([delivery["id"] for delivery in deliveries])
        done = self._attempt(name, deliveries) if len(deliveries) > 1 else False
        handled = (
            deliveries
            if done
            else [one for one in deliveries if self._attempt(name, [one], alone=True)]
        )
        if handled:
            self.inbox.mark_done([delivery["id"] for delivery in handled])
        return handled

    def _attempt(self, name: str, deliveries: list[Document], *, alone: bool = False) -> bool:
        """Run the handler; whether it went through. A failed batch is tried again one by one."""
        try:
            event, handler = self.handlers[name]
            handler([event.from_data(delivery["data"]) for delivery in deliveries])
        except (NotNow, *_OUTAGES):
            if alone:
                self.inbox.uncount_attempt(deliveries[0]["id"])
            return False
        except Exception as error:
            # Whatever a handler raises must not keep the other events of the message from being
            # handled; the failure is counted, logged, and parked in the end.
            if alone:
                self.inbox.mark_failed(
                    deliveries[0]["id"], f"{type(error).__name__}: {error}"[:500]
                )
                log.exception(
                    "event_failed",
                    service=self.service,
                    event_name=name,
                    event_id=deliveries[0]["id"],
                )
            return False
        return True

    def _park(self, delivery: Document, error: str) -> None:
        self.inbox.park(delivery, error)
        log.error(
            "event_parked",
            service=self.service,
            event_name=delivery["name"],
            event_id=delivery["id"],
        )
        event = self._read(delivery)
        if self.on_parked is not None and event is not None:
            self.on_parked(self.database, event, error)

    def _read(self, delivery: Document) -> Event | None:
        """The event, or None if it cannot be read here, which may be why it is parked."""
        try:
            event, _ = self.handlers[delivery["name"]]
            return event.from_data(delivery["data"])
        except (KeyError, TypeError):
            return None


def _by_name(deliveries: Iterable[Document]) -> Iterable[tuple[str, list[Document]]]:
    groups: dict[str, list[Document]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery["name"]].append(delivery)
    return groups.items()


def create_worker(
    service: str,
    settings: Settings,
    join: Callable[[Database[Document]], Subscriptions],
    *,
    on_parked: Callable[[Database[Document], Any, str], None] | None = None,
) -> Celery:
    """The Celery application of a service's worker.

    `join` binds its subscribers to a database; `on_parked` is told of an event that was given up,
    with the reason.
    """
    celery = create_celery(service, settings)
    hearing = Hearing(service=service, settings=settings, join=join, on_parked=on_parked)

    def receive(deliveries: list[Document]) -> None:
        send_receipts(celery, hearing.handle(deliveries), hearer=service)

    def confirm(receipts: list[list[str]], hearer: str) -> None:
        outbox.confirm(hearing.database, receipts, hearer=hearer)

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
        receipts[delivery["sender"]].append(
            [delivery["collection"], delivery["document_id"], delivery["id"]]
        )
    for sender, group in receipts.items():
        try:
            celery.send_task(
                f"{sender}.confirm", kwargs={"receipts": group, "hearer": hearer}, queue=sender
            )
        except OperationalError as error:
            log.warning("receipt_not_sent", service=hearer, to=sender, reason=type(error).__name__)


def run_worker(celery: Celery, settings: Settings) -> None:
    """Work until told to stop."""
    # Celery warns of root because of pickle; we read nothing but JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
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
