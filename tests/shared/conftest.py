"""Fixtures of several shared modules: a made-up service's database, and a broker."""

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from celery import Celery
from pymongo import MongoClient
from pymongo.database import Database
from structlog.testing import capture_logs

from shared.document import Document
from shared.messaging.broker import broker_client, create_celery
from shared.messaging.consumer import Consumer, Subscriptions
from shared.messaging.relay import Relay
from shared.messaging.worker import create_worker
from shared.mongo.client import service_database
from shared.mongo.collections import build
from shared.settings import Settings
from tests.support import databases
from tests.support.clock import Clock
from tests.support.handlers import RecordingHandlers
from tests.support.queues import Message, take_messages
from tests.support.scripted_server import ScriptedServer, scripted_server
from tests.support.things import COLLECTIONS, SUBSCRIBERS, ThingRepository


@pytest.fixture(autouse=True)
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    """The log entries, which need not be written out."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def installation(mongo_url: str) -> Settings:
    """Settings that lead to databases of these tests alone."""
    return databases.settings_of_its_own(mongo_url)


@pytest.fixture(scope="session")
def connection(installation: Settings) -> Iterator[MongoClient[Document]]:
    """A client for the real mongod, where the made-up service's database is built."""
    with databases.client_of_its_own(installation) as made:
        databases.built(made, installation, "things", COLLECTIONS)
        yield made


@pytest.fixture
def settings(installation: Settings) -> Settings:
    """The settings of all these tests. What a database holds is removed after each of them."""
    return installation


@pytest.fixture
def client(connection: MongoClient[Document]) -> MongoClient[Document]:
    """A client for the real mongod, one for all these tests."""
    return connection


@pytest.fixture
def database(client: MongoClient[Document], settings: Settings) -> Iterator[Database[Document]]:
    """The database of the made-up service, built and empty."""
    made = service_database(client, settings, "things")
    yield made
    kept = {collection.name for collection in COLLECTIONS}
    for name in made.list_collection_names():
        if name in kept:
            # Much quicker than to build it again.
            made[name].delete_many({})
        else:
            made[name].drop()


@pytest.fixture
def profiled(database: Database[Document]) -> Iterator[Database[Document]]:
    """The same database, which notes in `system.profile` how it answers each query."""
    database.command("profile", 2)
    yield database
    database.command("profile", 0)


@pytest.fixture
def things(database: Database[Document]) -> ThingRepository:
    """The made-up service's things."""
    return ThingRepository(database, SUBSCRIBERS)


@pytest.fixture
def wired(settings: Settings, redis_url: str) -> Settings:
    """Settings that lead to the real Redis too. Its keys carry the prefix of this test alone."""
    return replace(settings, redis_url=redis_url)


@pytest.fixture
def broker(wired: Settings) -> Iterator[redis.Redis]:
    """A plain client for the real Redis; the test's keys are removed afterwards."""
    with broker_client(wired) as made:
        yield made
        for key in made.scan_iter(f"{wired.database_prefix}:*", count=1_000):
            made.delete(key)


@pytest.fixture
def celery(wired: Settings) -> Iterator[Celery]:
    """The application with which the made-up service sends."""
    with create_celery("things", wired) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """An HTTP server that answers what the test says."""
    with scripted_server() as made:
        yield made


@pytest.fixture
def handled() -> RecordingHandlers:
    """Handlers that record the events they were given."""
    return RecordingHandlers()


@pytest.fixture
def make_consumer(
    database: Database[Document], settings: Settings
) -> Iterator[Callable[..., Consumer]]:
    """`make_consumer(handled)`: the consumer of a new worker process of the made-up service."""
    made: list[Consumer] = []

    def make(handled: RecordingHandlers, **options: Any) -> Consumer:
        made.append(Consumer("things", settings, handled.join, **options))
        assert made[-1].database == database
        return made[-1]

    yield make
    for consumer in made:
        consumer.database.client.close()


@pytest.fixture
def messages(broker: redis.Redis, wired: Settings) -> Callable[[str], list[Message]]:
    """`messages(queue)`: take out what waits in a queue."""
    return lambda queue: take_messages(broker, wired, queue)


@pytest.fixture
def make_relay(
    database: Database[Document], celery: Celery, broker: redis.Redis, wired: Settings
) -> Callable[..., Relay]:
    """`make_relay()`: one more relay of the made-up service."""

    def make(collections: tuple[Any, ...] = ("things",)) -> Relay:
        return Relay(
            "things",
            database,
            collections,
            subscribers=("others", "things"),
            celery=celery,
            broker=broker,
            settings=wired,
        )

    return make


@pytest.fixture
def make_worker(
    client: MongoClient[Document], wired: Settings, handled: RecordingHandlers
) -> Iterator[Callable[[str], Celery]]:
    """`make_worker(service)`: the tasks of a service that handles every event there is."""
    databases: list[Database[Document]] = []
    made: list[Celery] = []

    def make(service: str) -> Celery:
        list(build(service_database(client, wired, service), COLLECTIONS))

        def join(database: Database[Document]) -> Subscriptions:
            databases.append(database)
            return handled.join(database)

        made.append(create_worker(service, wired, join))
        return made[-1]

    yield make
    for celery in made:
        celery.close()
    for database in databases:
        client.drop_database(database.name)
        database.client.close()


@pytest.fixture
def relay(make_relay: Callable[[], Relay]) -> Relay:
    """The relay of the made-up service."""
    return make_relay()


@pytest.fixture
def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


@pytest.fixture
def due() -> datetime:
    """A moment at which all that the test adds is due, to the millisecond that MongoDB keeps."""
    return (datetime.now(UTC) + timedelta(seconds=60)).replace(microsecond=0)
