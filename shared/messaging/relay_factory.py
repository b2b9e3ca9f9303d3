"""Factory of relays: joins one to MongoDB, to Redis and to what its service declares."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain

from shared.events.event import Event
from shared.messaging.broker import broker_client, create_celery
from shared.messaging.relay import Relay
from shared.mongo.client import connect, service_database
from shared.mongo.collections import Collection
from shared.settings import Settings


@contextmanager
def create_relay(
    service: str,
    settings: Settings,
    *,
    collections: Iterable[Collection],
    publishes: Mapping[type[Event], tuple[str, ...]],
    subscribes: Iterable[type[Event]],
) -> Iterator[Relay]:
    """A relay of a service, whose connections are closed in the end.

    It also publishes to the service itself, and what the service subscribes to: a redelivered event
    is addressed to its subscriber.
    """
    with (
        connect(settings) as client,
        create_celery(service, settings) as celery,
        broker_client(settings) as broker,
    ):
        yield Relay(
            service,
            service_database(client, settings, service),
            tuple(collection.name for collection in collections if collection.outbox),
            events={event.__name__: event for event in (*publishes, *subscribes)},
            subscribers=tuple(sorted({service, *chain.from_iterable(publishes.values())})),
            celery=celery,
            broker=broker,
            settings=settings,
        )
