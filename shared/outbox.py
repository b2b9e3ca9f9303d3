"""The relay: finds events that wait in documents and publishes them until their receipt comes.

A published message is not a delivered one: Celery over Redis loses some when a worker is killed.
So publishing leaves the event where it is and only pushes its `due_at` into the future; the
consumer's receipt (`confirm`) is what removes it. The index on `outbox.due_at` is the truth that is
polled. Two relays at once only send some things twice, which every consumer bears.
"""

import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import PyMongoError

from shared.events.envelope import delivery
from shared.messages import BATCH, queue_key
from shared.settings import Settings

Document = dict[str, Any]
log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
RESEND_AFTER = timedelta(seconds=30)
RESEND_AT_MOST_EVERY = timedelta(minutes=10)
DOCUMENTS_AT_ONCE = 500
QUEUE_LIMIT = 30
"""Messages waiting in one queue beyond which the relay holds back.

Sending again what a busy worker has merely not reached yet would only make it busier.
"""


def confirm(database: Database[Document], receipts: list[list[str]], *, hearer: str) -> None:
    """Take events out of their documents, now that `hearer` has dealt with them.

    A receipt is `[collection, document id, event id]`. Confirming twice does nothing.
    """
    updates: dict[str, list[UpdateOne]] = defaultdict(list)
    for collection, document_id, event_id in receipts:
        updates[collection].append(
            UpdateOne({"_id": document_id}, {"$pull": {"outbox": {"id": event_id, "to": hearer}}})
        )
    for collection, operations in updates.items():
        database[collection].bulk_write(operations, ordered=False)


def resend_delay(sent: int) -> timedelta:
    """How long to wait for the receipt of an event that was sent `sent` times.

    30 s, doubling to 10 min.
    """
    doubled: timedelta = RESEND_AFTER * 2 ** min(sent - 1, 10)
    return min(doubled, RESEND_AT_MOST_EVERY)


class Relay:
    """Sends the waiting events of one service's collections."""

    def __init__(
        self,
        service: str,
        database: Database[Document],
        collections: tuple[str, ...],
        *,
        celery: Celery,
        broker: redis.Redis,
        settings: Settings,
    ) -> None:
        self._service = service
        self._database = database
        self._collections = collections
        self._celery = celery
        self._broker = broker
        self._settings = settings

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop.

        An outage of MongoDB or Redis is logged once, waited out and retried.
        """
        pause, failing = POLL_SECONDS, False
        while not stop.wait(pause):
            try:
                sent = self.send_due(datetime.now(UTC))
                if failing:
                    log.info("relay_recovered", service=self._service)
                pause, failing = (0.0 if sent else POLL_SECONDS), False
            except (PyMongoError, redis.RedisError, OperationalError) as error:
                if not failing:
                    log.warning("relay_waits", service=self._service, reason=type(error).__name__)
                pause, failing = min(max(pause, POLL_SECONDS) * 2, 5.0), True

    def send_due(self, now: datetime) -> int:
        """Publish what is due and has room in its hearer's queue.

        Returns how many events were sent.
        """
        return sum(self._send_from(collection, now) for collection in self._collections)

    def _send_from(self, name: str, now: datetime) -> int:
        documents = list(
            self._database[name]
            .find({"outbox.due_at": {"$lte": now}}, {"outbox": 1})
            # Read in the order of the index, which is the order due. To sort by a field of an
            # array the server would read everything that waits, every time.
            .hint("outbox_due")
            .limit(DOCUMENTS_AT_ONCE)
        )
        due = [
            (document["_id"], entry)
            for document in documents
            for entry in document["outbox"]
            if entry["due_at"] <= now
        ]
        open_queues = {
            hearer for hearer in {entry["to"] for _, entry in due} if self._has_room(hearer)
        }
        due = [(document_id, entry) for document_id, entry in due if entry["to"] in open_queues]
        if due:
            self._claim(name, due, now)
            self._publish(name, due)
        return len(due)

    def _has_room(self, hearer: str) -> bool:
        waiting = cast(int, self._broker.llen(queue_key(self._settings, hearer)))
        return waiting < QUEUE_LIMIT

    def _claim(self, name: str, due: list[tuple[str, Document]], now: datetime) -> None:
        """Push `due_at` ahead before publishing, so that a second relay does not send the same."""
        self._database[name].bulk_write(
            [
                UpdateOne(
                    {"_id": document_id},
                    {
                        "$set": {"outbox.$[entry].due_at": now + resend_delay(entry["sent"] + 1)},
                        "$inc": {"outbox.$[entry].sent": 1},
                    },
                    array_filters=[
                        {
                            "entry.id": entry["id"],
                            "entry.to": entry["to"],
                            "entry.due_at": entry["due_at"],
                        }
                    ],
                )
                for document_id, entry in due
            ],
            ordered=False,
        )

    def _publish(self, name: str, due: list[tuple[str, Document]]) -> None:
        """Send in batches.

        What was sent before goes alone, so that one bad event cannot hold up others again.
        """
        batches: dict[str, list[Document]] = defaultdict(list)
        for document_id, entry in due:
            message = delivery(
                entry, sender=self._service, collection=name, document_id=document_id
            )
            if entry["sent"]:
                self._send(entry["to"], [message])
            else:
                batches[entry["to"]].append(message)
        for hearer, messages in batches.items():
            for start in range(0, len(messages), BATCH):
                self._send(hearer, messages[start : start + BATCH])

    def _send(self, hearer: str, messages: list[Document]) -> None:
        self._celery.send_task(f"{hearer}.receive", kwargs={"deliveries": messages}, queue=hearer)
