"""Dispatches events to their handlers, counts attempts, and dead-letters what keeps failing.

Independent of Celery. Handlers are plain functions of a list of events of one type; they have to be
idempotent, since an event may come twice, late and out of order.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from shared.events.delivery import by_name, sort_out
from shared.events.event import Event, EventMalformed
from shared.events.signature import Signer
from shared.failures import Plain, in_short
from shared.messaging import private_values
from shared.messaging.forgeries import without_forged
from shared.messaging.inbox import MAX_AGE, Inbox
from shared.messaging.retries import MAX_ATTEMPTS
from shared.mongo.client import connect, is_outage, is_reachable, service_database
from shared.settings import Settings

Handler = Callable[[Sequence[Any]], None]
Subscriptions = Mapping[type[Event], Handler]
log = structlog.get_logger(__name__)


class RetryLater(Exception):
    """A handler cannot act on an event yet, through no fault of the event.

    It will be sent again.
    """


class EventUnknown(Plain):
    """This service, in this version, does not know such an event."""


def is_to_blame(error: Exception, client: MongoClient[Document]) -> bool:
    """True if a failure counts as an attempt of the event that was being handled.

    An outage of MongoDB does not. A query that takes too long does, or the event would never be
    dead-lettered.
    """
    if isinstance(error, NetworkTimeout):
        # Either the server hangs, or the query never ends: its answer tells which.
        return is_reachable(client)
    if isinstance(error, PyMongoError):
        return isinstance(error, ExecutionTimeout) or not is_outage(error)
    return not isinstance(error, RetryLater)


@dataclass
class Consumer:
    """Handles the events that reach one service.

    Its parts are made on first use, so after the worker's pool has forked.
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
    def signer(self) -> Signer:
        """Knows what was signed by one of us."""
        return Signer(self.settings.event_keys)

    @cached_property
    def inbox(self) -> Inbox:
        """The record of attempts, of what is done, and of dead letters."""
        return Inbox(self.database)

    @cached_property
    def handlers(self) -> dict[str, tuple[type[Event], Handler]]:
        """Event and handler by the event's name."""
        return {
            event.__name__: (event, handler) for event, handler in self.join(self.database).items()
        }

    def handle(self, received: object) -> list[Document]:
        """Handle the deliveries of a message; returns those settled: done, or dead-lettered.

        When time runs out the rest is left, to be sent again.
        """
        settled: list[Document] = []
        try:
            for delivery in self._settle(received):
                settled.append(delivery)
        except SoftTimeLimitExceeded:
            log.warning("message_unfinished", service=self.service, settled=len(settled))
        return settled

    def _settle(self, received: object) -> Iterator[Document]:
        """Yield each delivery as soon as it is settled; what failed and may come again is not."""
        genuine = without_forged(
            received, service=self.service, signer=self.signer, inbox=self.inbox
        )
        sound, malformed = sort_out(genuine)
        for delivery, error in malformed:
            yield self._dead_letter(delivery, error)

        events = {name: event for name, (event, _) in self.handlers.items()}
        recalled = self.inbox.recall(
            private_values.restored(self.database, sound, events, service=self.service)
        )
        # The worker may have died between the two marks of one that is done.
        self.inbox.forget_dead_letters(recalled.done)
        yield from recalled.done
        for group in by_name(recalled.fresh):
            yield from self._handle_group(group, attempt=1)
        # One of those that were tried together may have killed the worker. Each by itself, counted
        # when its turn comes and the least tried first, that one alone is dead-lettered in the end.
        for delivery, attempts in recalled.again:
            yield from self._handle_group([delivery], attempt=attempts + 1)
        for delivery, error in recalled.spent:
            yield self._dead_letter(delivery, error)

    def _handle_group(self, deliveries: list[Document], *, attempt: int) -> Iterator[Document]:
        """Handle events of one name, after counting that they are about to be handled."""
        fit = []
        for delivery in deliveries:
            objection = self._objection(delivery)
            if objection:
                yield self._dead_letter(delivery, objection)
            else:
                fit.append(delivery)
        if fit:
            self.inbox.count_attempt([delivery["id"] for delivery in fit])
            yield from self._attempt(fit, attempt)

    def _attempt(self, deliveries: list[Document], attempt: int) -> Iterator[Document]:
        """Run the handler; where it fails for several, run it for each by itself."""
        error = self._run_handler(deliveries)
        if error is None:
            self.inbox.mark_done([delivery["id"] for delivery in deliveries])
            self.inbox.forget_dead_letters(deliveries)
            yield from deliveries
        elif len(deliveries) > 1:
            for delivery in deliveries:
                yield from self._attempt([delivery], attempt)
        elif not is_to_blame(error, self.database.client):
            self.inbox.uncount_attempt(deliveries[0]["id"])
        else:
            reason = self._mark_failed(deliveries[0], error)
            if attempt >= MAX_ATTEMPTS:
                yield self._dead_letter(deliveries[0], reason)

    def _run_handler(self, deliveries: list[Document]) -> Exception | None:
        """Run the handler under the request by which the events happened; returns its failure."""
        requests = {delivery.get("request_id") for delivery in deliveries}
        request = requests.pop() if len(requests) == 1 else None
        with structlog.contextvars.bound_contextvars(request_id=request):
            try:
                self._call_handler(deliveries)
            except SoftTimeLimitExceeded as error:
                # With a database that hangs there is no time left to wait for a note.
                if len(deliveries) == 1 and is_reachable(self.database.client):
                    self._mark_failed(deliveries[0], error)
                raise
            except Exception as error:
                # Whatever a handler raises must not keep the other events of the message from
                # being handled; the failure is counted, logged, and dead-lettered in the end.
                return error
        return None

    def _call_handler(self, deliveries: list[Document]) -> None:
        name = deliveries[0]["name"]
        if name not in self.handlers:
            raise EventUnknown(f"{self.service} does not handle {name}; is its worker too old?")
        event, handler = self.handlers[name]
        newer = [one["schema"] for one in deliveries if one["schema"] > event.schema]
        if newer:
            raise EventUnknown(
                f"{name} has schema {newer[0]}, and {self.service} knows it up to {event.schema}; "
                "start a newer worker."
            )
        handler([event.from_data(delivery["data"]) for delivery in deliveries])

    def _objection(self, delivery: Document) -> str:
        """The reason that an event can never be handled here, or an empty string."""
        event, _ = self.handlers.get(delivery["name"], (Event, None))
        if delivery["schema"] > event.schema:
            # A newer worker may come within the next attempts.
            return ""
        try:
            occurred_at = event.from_data(delivery["data"]).occurred_at
            age = datetime.now(UTC) - datetime.fromisoformat(occurred_at)
        except EventMalformed as error:
            return f"It is malformed: {error}"
        except (ValueError, TypeError):
            return "It is malformed: occurred_at is no time with an offset from UTC."
        if age <= MAX_AGE:
            return ""
        return (
            f"It happened {age.days} days ago, and the inbox no longer knows whether it was "
            "handled; make resync republishes its document's state."
        )

    def _mark_failed(self, delivery: Document, error: Exception) -> str:
        """Note and log why an attempt failed; returns the reason as it is kept."""
        reason = in_short(error)[:500]
        self.inbox.mark_failed(delivery["id"], reason)
        log.error(
            "event_failed",
            service=self.service,
            event_name=delivery["name"],
            event_id=delivery["id"],
            request_id=delivery.get("request_id"),
            exc_info=error,
        )
        return reason

    def _dead_letter(self, delivery: Document, error: str) -> Document:
        self.inbox.dead_letter(delivery, error)
        log.error(
            "event_dead_lettered",
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
        """The event, or None if it cannot be read here, which may be why it is dead-lettered."""
        try:
            event, _ = self.handlers[delivery["name"]]
            return event.from_data(delivery["data"])
        except (KeyError, TypeError, EventMalformed):
            return None
