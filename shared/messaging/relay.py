"""The relay: finds events that wait in documents and publishes them until their receipt comes.

A published message is not a delivered one: Celery over Redis loses some when a worker is killed.
So publishing leaves the event where it is and only pushes its `due_at` into the future; the
consumer's receipt (`confirm`) is what removes it. The index on hearer and `due_at` is the truth
that is polled. Two relays at once only send some things twice, which every consumer bears.
"""

import random
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import redis
import structlog
from celery import Celery
from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError, PyMongoError

from shared import clock
from shared.document import Document
from shared.events.delivery import delivery
from shared.events.outbox import OUTBOX_INDEX
from shared.messaging import broker as messages
from shared.messaging.broker import BATCH, BROKER_OUTAGES, queue_key
from shared.mongo.client import deadline, write_errors
from shared.settings import Settings

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
MAX_SECONDS_BETWEEN_TRIES = 5.0
RESEND_AFTER = timedelta(seconds=30)
RESEND_AT_MOST_EVERY = timedelta(seconds=60)
"""An event may have been sent many times in vain when an outage ends, and then waits this long.

It is half of the two minutes in which every change is promised to have had its effect. Waiting
longer would spare nobody: a poison event is given up after five tries, and a worker that is merely
slow is protected by `QUEUE_LIMIT`.
"""
TOGETHER = (BATCH, 10, 1)
"""How many events go in one message: never sent before, once, more often.

Most that go again were lost with their message, and alone they would take five times as long. One
of them may have stopped its worker, though, so they go with few others, and then by themselves.
"""
DOCUMENTS_AT_ONCE = 500
QUEUE_LIMIT = 30
"""Messages waiting in one queue beyond which the relay holds back.

Sending again what a busy worker has merely not reached yet would only make it busier.
"""
RECEIPT_LIMIT = 1_000
"""Messages waiting in the service's own queue beyond which its relay sends nothing at all.

Its receipts come there. While nobody takes them, whatever is sent again is answered by one more,
until Redis is full and carries nothing for anybody.
"""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An event of a document that this relay is about to publish."""

    document_id: str
    entry: Document
    """As it lay in the outbox before."""
    resend_at: datetime
    """When it goes again if no receipt comes, by which the relay knows the claim as its own."""


def confirm(database: Database[Document], receipts: list[list[str]], *, subscriber: str) -> None:
    """Take events out of their documents, now that `subscriber` has dealt with them.

    A receipt is `[collection, document id, event id]`. Confirming twice does nothing.
    """
    updates: dict[str, list[UpdateOne]] = defaultdict(list)
    for collection, document_id, event_id in receipts:
        updates[collection].append(
            UpdateOne(
                {"_id": document_id}, {"$pull": {"outbox": {"id": event_id, "to": subscriber}}}
            )
        )
    for collection, operations in updates.items():
        database[collection].bulk_write(operations, ordered=False)


def resend_delay(sent: int) -> timedelta:
    """How long to wait for the receipt of an event that was sent `sent` times: 30 s, then 60 s."""
    doubled: timedelta = RESEND_AFTER * 2 ** min(sent - 1, 10)
    return min(doubled, RESEND_AT_MOST_EVERY)


class Relay:
    """Sends the waiting events of one service's collections to each service that hears them."""

    def __init__(
        self,
        service: str,
        database: Database[Document],
        collections: tuple[str, ...],
        *,
        subscribers: tuple[str, ...],
        celery: Celery,
        broker: redis.Redis,
        settings: Settings,
    ) -> None:
        self._service = service
        self._database = database
        self._collections = collections
        self._subscribers = subscribers
        self._celery = celery
        self._broker = broker
        self._settings = settings
        self._refused: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop.

        An outage of MongoDB or Redis is logged once, waited out and retried. Anything else ends the
        relay with its reason in the log, to be started anew by what supervises it.
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
        """Publish what is due, to each hearer whose queue has room.

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
        """Whether more may be sent to this service now."""
        return cast(int, self._broker.llen(queue_key(self._settings, service))) < limit

    def find_due(self, name: str, subscriber: str, now: datetime) -> list[tuple[str, Document]]:
        """Id and entry of what is due for `subscriber` in a collection, the longest due first."""
        # Both conditions on one entry, or the index would be read for all that waits for anybody.
        query = {"outbox": {"$elemMatch": {"to": subscriber, "due_at": {"$lte": now}}}}
        with deadline():
            documents = list(
                self._database[name]
                .find(query, {"outbox": 1})
                # Read in the order of the index, which is the order due. To sort by a field of an
                # array the server would read everything that waits, every time.
                .hint(OUTBOX_INDEX.document["name"])
                .limit(DOCUMENTS_AT_ONCE)
            )
        return [
            (document["_id"], entry)
            for document in documents
            for entry in document["outbox"]
            if entry["to"] == subscriber and entry["due_at"] <= now
        ]

    def claim(self, name: str, due: Sequence[tuple[str, Document]], now: datetime) -> list[Claim]:
        """Push `due_at` ahead before publishing; returns what another relay has not claimed first.

        What is claimed and then never published, because this process dies, goes out when that
        time has come.
        """
        # To the millisecond, or nothing of what the database holds would be known as ours.
        now = clock.as_kept(now)
        # By a fraction of a second of its own each claim is told from one made at the same moment.
        mark = timedelta(milliseconds=random.randrange(1_000))  # noqa: S311 - guards nothing.
        claims = [
            Claim(
                document_id=document_id,
                entry=entry,
                resend_at=now + resend_delay(entry["sent"] + 1) + mark,
            )
            for document_id, entry in due
        ]
        if not claims:
            return []
        with deadline():
            try:
                outcome = self._database[name].bulk_write(
                    [_moved(claim, claim.entry["due_at"], claim.resend_at, 1) for claim in claims],
                    ordered=False,
                )
            except BulkWriteError as error:
                # A document that breaks the rules of its collection must not hold up the others.
                ids = {claims[failure["index"]].document_id for failure in write_errors(error)}
                if new := ids - self._refused:
                    log.error("events_not_claimable", service=self._service, document_ids=list(new))
                self._refused |= new
            else:
                if outcome.modified_count == len(claims):
                    return claims
            return self._won(name, claims)

    def release(self, name: str, claims: Sequence[Claim]) -> None:
        """Make due again what was claimed and could not be published."""
        with deadline():
            self._database[name].bulk_write(
                [_moved(claim, claim.resend_at, claim.entry["due_at"], -1) for claim in claims],
                ordered=False,
            )

    def publish(self, name: str, subscriber: str, claims: Sequence[Claim]) -> None:
        """Send in batches; what could not be sent because Redis is away stays due."""
        together = _messages(claims)
        for position, message in enumerate(together):
            try:
                self.send(name, subscriber, message)
            except BROKER_OUTAGES:
                self.release(name, [claim for rest in together[position:] for claim in rest])
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
        deliveries = [
            delivery(
                claim.entry,
                sender=self._service,
                collection=name,
                document_id=claim.document_id,
            )
            for claim in claims
        ]
        messages.send(self._celery, "receive", queue=subscriber, deliveries=deliveries)

    def _send_from(self, name: str, subscriber: str, now: datetime) -> int:
        claims = self.claim(name, self.find_due(name, subscriber, now), now)
        self.publish(name, subscriber, claims)
        return len(claims)

    def _won(self, name: str, claims: Sequence[Claim]) -> list[Claim]:
        """Those of the claims that the database holds as ours."""
        held = {
            (document["_id"], entry["id"], entry["to"], entry["due_at"])
            for document in self._database[name].find(
                {"_id": {"$in": [claim.document_id for claim in claims]}}, {"outbox": 1}
            )
            for entry in document["outbox"]
        }
        return [
            claim
            for claim in claims
            if (claim.document_id, claim.entry["id"], claim.entry["to"], claim.resend_at) in held
        ]


def _moved(claim: Claim, due_at: datetime, becomes: datetime, sent: int) -> UpdateOne:
    """The change of an entry from one `due_at` to another, if it still has the first."""
    return UpdateOne(
        {"_id": claim.document_id},
        {"$set": {"outbox.$[entry].due_at": becomes}, "$inc": {"outbox.$[entry].sent": sent}},
        array_filters=[
            {
                "entry.id": claim.entry["id"],
                "entry.to": claim.entry["to"],
                "entry.due_at": due_at,
            }
        ],
    )


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
