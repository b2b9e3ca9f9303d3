"""Carries events between services, as relays, Redis and workers do, all in the test's process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial

from pymongo import MongoClient

from services import registry
from shared.document import Document
from shared.messaging import receipts
from shared.messaging.broker import broker_client
from shared.messaging.consumer import Consumer
from shared.messaging.relay_factory import create_relay
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support.queues import take_messages

SENDERS, SUBSCRIBERS = ("accounts", "customers", "orders"), ("customers", "orders")


class Carrier:
    """Relays and consumers of the services that publish to each other."""

    def __init__(self, client: MongoClient[Document], settings: Settings, stack: ExitStack) -> None:
        self._client = client
        self._settings = settings
        self._broker = stack.enter_context(broker_client(settings))
        self._relays = [
            stack.enter_context(
                create_relay(
                    service,
                    settings,
                    collections=registry.collections(service),
                    publishes=registry.publishes(service),
                    subscribes=registry.subscribes(service),
                )
            )
            for service in SENDERS
        ]
        self._consumers = {
            service: Consumer(
                service, settings, partial(registry.create_handlers, service, settings)
            )
            for service in SUBSCRIBERS
        }
        for consumer in self._consumers.values():
            stack.callback(consumer.database.client.close)

    def send(self) -> int:
        """Send what is due, and leave it unhandled; returns how many events were sent."""
        return sum(relay.send_due(datetime.now(UTC)) for relay in self._relays)

    def carry(self) -> int:
        """Send what is due and have it handled; returns how many events were."""
        sent = self.send()
        for subscriber, consumer in self._consumers.items():
            for message in take_messages(self._broker, self._settings, subscriber):
                for settled in consumer.handle(message.kwargs["deliveries"]):
                    receipt = [settled["collection"], settled["document_id"], settled["id"]]
                    sender = service_database(self._client, self._settings, settled["sender"])
                    receipts.confirm(sender, [receipt], subscriber=subscriber)
        return sent

    def settle(self) -> int:
        """Carry until nothing is due any more; returns how many events were carried."""
        total = 0
        while sent := self.carry():
            total += sent
        return total


@contextmanager
def carrier(client: MongoClient[Document], settings: Settings) -> Iterator[Carrier]:
    """A carrier, whose keys in Redis are removed in the end."""
    with ExitStack() as stack:
        yield Carrier(client, settings, stack)
        with broker_client(settings) as broker:
            for key in broker.scan_iter(f"{settings.database_prefix}:*", count=1_000):
                broker.delete(key)
