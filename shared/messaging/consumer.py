"""What a worker does with the events that reach it: handles, counts, parks. Knows no queue.

Handlers are plain functions of a list of events of one type; they have to be idempotent, since an
event may come twice, late and out of order.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import ExecutionTimeout, NetworkTimeout, PyMongoError

from shared.document import Document
from shared.events.delivery import sort_out
from shared.events.event import Event, EventMalformed
from shared.messaging.inbox import DEAD_LETTERS, MAX_ATTEMPTS, OLDEST, Inbox
from shared.mongo.client import connect, is_outage, is_reachable, service_database
from shared.settings import Settings

Handler = Callable[[Sequence[Any]], None]
Subscriptions = Mapping[type[Event], Handler]
log = structlog.get_logger(__name__)


class RetryLater(Exception):
    """A handler cannot act on an event yet, through no fault of the event.

    It will be sent again.
    """


class EventUnknown(Exception):
    """This service, in this version, does not know such an event."""


def is_to_blame(error: Exception, client: MongoClient[Document]) -> bool:
    """Whether a failure counts against the event with which it came.

    That MongoDB is away is no fault of the event. A query that takes too long is one, or the event
    would never be given up.
    """
    if isinstance(error, NetworkTimeout):
        # The server hangs, or it has been given something that never ends: ask it.
        return is_reachable(client)
    if isinstance(error, PyMongoError):
        return isinstance(error, ExecutionTimeout) or not is_outage(error)
    return not isinstance(error, RetryLater)


@dataclass
class Consumer:
    """What a worker process needs to handle events.

    Made on first use, so after the pool has forked.
    """

    service: str
    settings: Settings
    join: Callable[[Database[Document]], Subscriptions]
    on_dead_letter: Callable[[Database[Document], Any, str], None] | None = None

    @cached_property
    def database(self) -> Database[Document]:
        """The service's database. A MongoDB client must not be carried across a fork."""
        return service_database(connect(self.settings), self.settings, self.service)

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

    def handle(self, deliveries: object) -> list[Document]:
        """Handle deliveries; returns those that are dealt with: done, done before, or parked.

        What is no delivery is parked, and does not keep the others from being handled. When time
        runs out the rest is left, to be sent again.
        """
        sound, broken = sort_out(deliveries)
        settled = [self._dead_letter(delivery, error) for delivery, error in broken]
        attempts = self.inbox.recall([delivery["id"] for delivery in sound])
        done = [delivery for delivery in sound if delivery["id"] in attempts.done]
        self._forget_dead_letters(done)
        settled += done
        fresh = [
            delivery
            for delivery in sound
            if delivery["id"] not in attempts.done | attempts.tried.keys()
        ]
        again = [delivery for delivery in sound if delivery["id"] in attempts.tried]
        try:
            for group in _by_name(fresh):
                self._handle_group(group, settled)
            # One of those that were tried together may have killed the worker. Each by itself,
            # counted when its turn comes and the least tried first, that one alone is parked in
            # the end.
            for delivery in sorted(again, key=lambda delivery: attempts.tried[delivery["id"]]):
                if delivery["id"] in attempts.spent:
                    settled.append(self._dead_letter(delivery, attempts.errors[delivery["id"]]))
                else:
                    tried = attempts.tried[delivery["id"]]
                    self._handle_group([delivery], settled, tried=tried)
        except SoftTimeLimitExceeded:
            log.warning("message_unfinished", service=self.service, settled=len(settled))
        return settled

    def _handle_group(
        self, deliveries: list[Document], settled: list[Document], *, tried: int = 0
    ) -> None:
        """Handle events of one kind; what is dealt with is added to `settled` at once."""
        objections = [(delivery, self._objection(delivery)) for delivery in deliveries]
        settled += [self._dead_letter(delivery, error) for delivery, error in objections if error]
        fit = [delivery for delivery, error in objections if not error]
        if not fit:
            return
        self.inbox.count_attempt([delivery["id"] for delivery in fit])
        if len(fit) > 1 and self._attempt(fit):
            settled += self._done(fit)
            return
        for delivery in fit:
            if self._attempt([delivery], alone=True):
                settled += self._done([delivery])
            elif tried + 1 >= MAX_ATTEMPTS:
                settled += self._dead_letter_if_spent(delivery)

    def _objection(self, delivery: Document) -> str:
        """Why an event can never be handled here, or an empty string."""
        event, _ = self.handlers.get(delivery["name"], (Event, None))
        if delivery["schema"] > event.schema:
            # A newer worker may come within the next tries.
            return ""
        try:
            occurred_at = event.from_data(delivery["data"]).occurred_at
            age = datetime.now(UTC) - datetime.fromisoformat(occurred_at)
        except EventMalformed as error:
            return f"It is malformed: {error}"
        except (ValueError, TypeError):
            return "It is malformed: occurred_at is no time with an offset from UTC."
        if age <= OLDEST:
            return ""
        return (
            f"It happened {age.days} days ago, and whether it was heard is not remembered that "
            "long; make resync tells its state anew."
        )

    def _attempt(self, deliveries: list[Document], *, alone: bool = False) -> bool:
        """Run the handler; whether it went through. A failed batch is tried again one by one."""
        first = deliveries[0]
        requests = {delivery.get("request_id") for delivery in deliveries}
        request = requests.pop() if len(requests) == 1 else None
        with structlog.contextvars.bound_contextvars(request_id=request):
            try:
                self._run_handler(deliveries)
            except SoftTimeLimitExceeded as error:
                # Of a database that hangs there is nothing to note, and no time to wait for it.
                if alone and is_reachable(self.database.client):
                    self._note_failure(first, error)
                raise
            except Exception as error:
                # Whatever a handler raises must not keep the other events of the message from
                # being handled; the failure is counted, logged, and parked in the end.
                if alone and is_to_blame(error, self.database.client):
                    self._note_failure(first, error)
                elif alone:
                    self.inbox.uncount_attempt(first["id"])
                return False
        return True

    def _run_handler(self, deliveries: list[Document]) -> None:
        name = deliveries[0]["name"]
        if name not in self.handlers:
            raise EventUnknown(f"{self.service} does not hear {name}; is its worker too old?")
        event, handler = self.handlers[name]
        newer = [one["schema"] for one in deliveries if one["schema"] > event.schema]
        if newer:
            raise EventUnknown(
                f"{name} has schema {newer[0]}, and {self.service} knows it up to {event.schema}; "
                "start a newer worker."
            )
        handler([event.from_data(delivery["data"]) for delivery in deliveries])

    def _note_failure(self, delivery: Document, error: Exception) -> None:
        self.inbox.mark_failed(delivery["id"], f"{type(error).__name__}: {error}"[:500])
        log.exception(
            "event_failed",
            service=self.service,
            event_name=delivery["name"],
            event_id=delivery["id"],
        )

    def _done(self, deliveries: list[Document]) -> list[Document]:
        self.inbox.mark_done([delivery["id"] for delivery in deliveries])
        self._forget_dead_letters(deliveries)
        return deliveries

    def _forget_dead_letters(self, deliveries: list[Document]) -> None:
        """Forget the dead letters of those that were sent again out of them."""
        replayed = [one["id"] for one in deliveries if one["collection"] == DEAD_LETTERS.name]
        if replayed:
            self.inbox.forget_dead_letters(replayed)

    def _dead_letter_if_spent(self, delivery: Document) -> list[Document]:
        """Park an event whose last attempt has failed, unless it was not to blame for that."""
        attempts = self.inbox.recall([delivery["id"]])
        if delivery["id"] not in attempts.spent:
            return []
        return [self._dead_letter(delivery, attempts.errors[delivery["id"]])]

    def _dead_letter(self, delivery: Document, error: str) -> Document:
        self.inbox.dead_letter(delivery, error)
        log.error(
            "event_parked",
            service=self.service,
            event_name=delivery.get("name"),
            event_id=delivery["id"],
            request_id=delivery.get("request_id"),
        )
        event = self._read(delivery)
        if self.on_dead_letter is not None and event is not None:
            self.on_dead_letter(self.database, event, error)
        return delivery

    def _read(self, delivery: Document) -> Event | None:
        """The event, or None if it cannot be read here, which may be why it is parked."""
        try:
            event, _ = self.handlers[delivery["name"]]
            return event.from_data(delivery["data"])
        except (KeyError, TypeError, EventMalformed):
            return None


def _by_name(deliveries: Iterable[Document]) -> Iterable[list[Document]]:
    groups: dict[str, list[Document]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery["name"]].append(delivery)
    return groups.values()
