"""Customers and orders with their relays, queues and workers, all moved by hand in one process.

On real servers, in the steps that real processes take, but in an order that a test decides: what
happens at random once in thousands of times among processes happens here every time.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

from pymongo.database import Database
from structlog.testing import capture_logs

from services import registry
from shared.document import Document
from shared.events.delivery import delivery, signed
from shared.events.signature import Signer
from shared.messaging import receipts
from shared.messaging.broker import broker_client, create_celery, forget_messages
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.messaging.relay_factory import create_relay
from shared.messaging.retries import MAX_RESEND_DELAY
from shared.mongo import client as databases
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.faults import books
from tests.support.queues import Message, take_messages
from tests.support.shop import Shop

SERVICES = ("customers", "orders")
ROUNDS = 12
"""More than anything takes that is sent five times at most, and then again as often."""


class Killed(BaseException):
    """The end of a worker, as far as one process can play it: nothing catches it."""


class Line:
    """All that carries events between the two services, and a shop that makes some."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self.settings = settings
        self._client = stack.enter_context(databases.connect(settings))
        self._broker = stack.enter_context(broker_client(settings))
        self._now = datetime.now(UTC)
        self.shop = Shop(self._client, settings)
        self._celeries = {
            name: stack.enter_context(create_celery(name, settings)) for name in SERVICES
        }
        self._relays = [stack.enter_context(self._relay(name)) for name in SERVICES]
        self.consumers = {name: self._consumer(name) for name in SERVICES}
        for consumer in self.consumers.values():
            stack.callback(consumer.database.client.close)
        self.died = 0

    def base(self, service: str) -> Database[Document]:
        """The database of a service."""
        return service_database(self._client, self.settings, service)

    def send(self) -> int:
        """Send what is due or was not confirmed; returns how many events were sent."""
        self._now = max(self._now + MAX_RESEND_DELAY, datetime.now(UTC)) + timedelta(seconds=1)
        return sum(relay.send_due(self._now) for relay in self._relays)

    def lose_messages(self) -> int:
        """Empty Redis, as a restart without its file does; returns how many messages were lost."""
        lost = sum(len(self._take(service)) for service in SERVICES)
        forget_messages(self.settings, SERVICES)
        return lost

    def handle(self) -> None:
        """Have the workers handle every message. One that dies takes its message with it."""
        for service in SERVICES:
            for message in self._take(service):
                try:
                    self._work(service, message)
                except Killed:
                    self.died += 1

    def settle(self) -> None:
        """Send and handle until nothing is left to send, or it went on for too long."""
        for _ in range(ROUNDS):
            self.send()
            # The events, and then their receipts.
            self.handle()
            self.handle()
            if not self.waiting():
                return

    def waiting(self) -> int:
        """The number of documents with events that were not confirmed."""
        return books.waiting(self.base)

    def _take(self, service: str) -> list[Message]:
        return take_messages(self._broker, self.settings, service)

    def _work(self, service: str, message: Message) -> None:
        """The work of the service's two tasks."""
        if message.task.endswith(".receive"):
            settled = self.consumers[service].handle(message.kwargs["deliveries"])
            signer = Signer(self.settings.event_keys)
            receipts.send(self._celeries[service], settled, subscriber=service, signer=signer)
        else:
            receipts.confirm(
                self.base(service), message.kwargs["receipts"], subscriber=message.kwargs["hearer"]
            )

    def _relay(self, service: str) -> AbstractContextManager[Relay]:
        return create_relay(
            service,
            self.settings,
            collections=registry.collections(service),
            publishes=registry.publishes(service),
            subscribes=registry.subscribes(service),
        )

    def _consumer(self, service: str) -> Consumer:
        return Consumer(
            service, self.settings, partial(registry.create_handlers, service, self.settings)
        )


def trade(line: Line, *, people: int = 3, orders: int = 4) -> None:
    """Some customers who order; half of the orders are paid at once, the others called off."""
    for _ in range(people):
        person = line.shop.register()
        for number in range(orders):
            order = line.shop.place(person)
            line.shop.step(order, "pay" if number % 2 else "cancel")
    line.shop.place(None)


def deliveries(line: Line) -> list[Document]:
    """Everything that waits for customers, as the relays would send it."""
    return [
        signed(
            delivery(entry, sender=sender, collection=name, document_id=document["_id"]),
            to="customers",
            signer=Signer(line.settings.event_keys),
        )
        for sender, name in books.SENDERS.items()
        for document in line.base(sender)[name].find().sort("_id", 1)
        for entry in document["outbox"]
        if entry["to"] == "customers"
    ]


@contextmanager
def line(settings: Settings) -> Iterator[Line]:
    """A line on databases of its own, which are gone in the end."""
    database = replace(settings, database_prefix=f"line_{uuid4().hex[:12]}")
    # What fails here fails on purpose; to draw each trace would take most of the time.
    with capture_logs(), ExitStack() as stack:
        made = Line(database, stack)
        try:
            yield made
        finally:
            made.lose_messages()
            for service in ("accounts", "imports", *SERVICES):
                made._client.drop_database(made.base(service).name)


@contextmanager
def dying(install: Callable[[Callable[[str], None]], Callable[[], None]]) -> Iterator[list[str]]:
    """Have whoever passes a point first die there; gives where somebody did."""
    died: list[str] = []

    def reach(name: str) -> None:
        if not died:
            died.append(name)
            raise Killed

    put_back = install(reach)
    with suppress(Killed):
        try:
            yield died
        finally:
            put_back()
