"""The relay: publishes the events that wait in documents, again until their receipt comes.

A published message is not a delivered one: Celery over Redis loses some when a worker is killed.
So publishing leaves the event where it is and only claims it for a while; the consumer's receipt is
what removes it. The index on subscriber and `due_at` is the truth that is polled. Two relays at
once only send some things twice, which every consumer bears. After how long an event is sent again
is in `retries`. What is sent is signed, and without the values that stay at home.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, cast

import redis
import structlog
from celery import Celery
from pymongo.database import Database
from pymongo.errors import PyMongoError

from shared.document import Document
from shared.events.delivery import delivery, signed
from shared.events.event import Event
from shared.events.signature import Signer
from shared.messaging import broker as messages
from shared.messaging.broker import BATCH, BROKER_OUTAGES, queue_key
from shared.messaging.claims import Claim, Claims
from shared.settings import Settings

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
MAX_SECONDS_BETWEEN_TRIES = 5.0
TOGETHER = (BATCH, 10, 1)
"""Events in one message: of those never sent before, sent once, sent more often.

Most that go again were lost with their message, and alone they would take five times as long. One
of them may have stopped its worker, though, so they go with few others, and then by themselves.
"""
QUEUE_LIMIT = 30
"""Messages waiting in one queue beyond which the relay holds back.

Sending again what a busy worker has merely not reached yet would only make it busier.
"""
RECEIPT_LIMIT = 1_000
"""Messages waiting in the service's own queue beyond which its relay sends nothing at all.

Its receipts come there. While nobody takes them, whatever is sent again is answered by another,
until Redis is full and carries nothing for anybody.
"""


class Stop(Protocol):
    """A flag that ends a relay: a `threading.Event`, or one that signals raise."""

    def wait(self, seconds: float, /) -> bool:
        """Wait so long, or until the flag is raised; True if it is."""


class Relay:
    """Sends the waiting events of one service's collections to each subscriber."""

    def __init__(
        self,
        service: str,
        database: Database[Document],
        collections: tuple[str, ...],
        *,
        events: Mapping[str, type[Event]],
        subscribers: tuple[str, ...],
        celery: Celery,
        broker: redis.Redis,
        settings: Settings,
    ) -> None:
        self._service = service
        self._claims = Claims(service, database)
        self._collections = collections
        self._events = events
        self._subscribers = subscribers
        self._celery = celery
        self._broker = broker
        self._settings = settings
        self._signer = Signer(settings.event_keys)

    def run(self, stop: Stop) -> None:
        """Send until it has to stop.

        An outage of MongoDB or Redis is logged once, waited out and retried. Anything else ends the
        relay with its reason in the log, to be started again by what supervises it.
        """
        pause, failing = POLL_SECONDS, False
        while not stop.wait(pause):
            try:
                sent = self.send_due(datetime.now(UTC))
                if failing:
                    log.info("relay_recovered", service=self._service)
                pause, failing = (0.0 if sent else POLL_SECONDS), False
            except (PyMongoError, *BROKER_OUTAGES) as error:
                if not failing:
                    log.warning("relay_waits", service=self._service, reason=type(error).__name__)
                pause = min(max(pause, POLL_SECONDS) * 2, MAX_SECONDS_BETWEEN_TRIES)
                failing = True
            except Exception:
                log.exception("relay_failed", service=self._service)
                raise

    def send_due(self, now: datetime) -> int:
        """Publish what is due, to each subscriber whose queue has room.

        Each is asked for by itself, so that what waits for one whose queue is full is not even
        looked at, and holds up nobody else. Returns how many events were sent.
        """
        if not self.has_room(self._service, limit=RECEIPT_LIMIT):
            return 0
        return sum(
            self._send_from(collection, subscriber, now)
            for subscriber in self._subscribers
            if self.has_room(subscriber)
            for collection in self._collections
        )

    def has_room(self, service: str, *, limit: int = QUEUE_LIMIT) -> bool:
        """True if more may be sent to this service now."""
        return cast(int, self._broker.llen(queue_key(self._settings, service))) < limit

    def publish(self, name: str, subscriber: str, claims: Sequence[Claim]) -> None:
        """Send in batches; what could not be sent because Redis is away stays due."""
        together = _messages(claims)
        for position, message in enumerate(together):
            try:
                self.send(name, subscriber, message)
            except BROKER_OUTAGES:
                self._claims.release(
                    name, [claim for rest in together[position:] for claim in rest]
                )
                raise
            except Exception:
                # One that cannot be written as a message must not keep the others from being sent.
                # It stays claimed, comes again alone in the end, and grows until it is noticed.
                log.exception(
                    "events_not_sendable",
                    service=self._service,
                    event_ids=[claim.entry["id"] for claim in message],
                )

    def send(self, name: str, subscriber: str, claims: Sequence[Claim]) -> None:
        """Send one message."""
        known = [claim for claim in claims if claim.entry["name"] in self._events]
        if len(known) < len(claims):
            # Nobody here can say which of its values are private. It waits for a newer relay.
            log.error(
                "events_unknown",
                service=self._service,
                event_ids=[claim.entry["id"] for claim in claims if claim not in known],
            )
        if known:
            deliveries = [self._delivery(claim, name, subscriber) for claim in known]
            messages.send(self._celery, "receive", queue=subscriber, deliveries=deliveries)

    def _delivery(self, claim: Claim, name: str, subscriber: str) -> Document:
        event = self._events[claim.entry["name"]]
        sent = delivery(
            {**claim.entry, "data": event.as_sent(claim.entry["data"])},
            sender=self._service,
            collection=name,
            document_id=claim.document_id,
        )
        return signed(sent, to=subscriber, signer=self._signer)

    def _send_from(self, name: str, subscriber: str, now: datetime) -> int:
        claims = self._claims.claim(name, self._claims.find_due(name, subscriber, now), now)
        self.publish(name, subscriber, claims)
        return len(claims)


def _messages(claims: Sequence[Claim]) -> list[Sequence[Claim]]:
    """The claims as they go together: the most often sent first, and those by themselves."""
    groups: list[list[Claim]] = [[] for _ in TOGETHER]
    for claim in claims:
        groups[min(claim.entry["sent"], len(groups) - 1)].append(claim)
    return [
        group[start : start + size]
        for group, size in reversed(list(zip(groups, TOGETHER, strict=True)))
        for start in range(0, len(group), size)
    ]
