"""What the tests of several shared modules ask for: a made-up service's database, and a broker."""

from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import redis
from celery import Celery
from pymongo import MongoClient
from pymongo.database import Database
from structlog.testing import capture_logs

from shared.database import Document, build, connect, database
from shared.messages import broker_client, create_celery
from shared.settings import Settings, load
from tests.shared.clock import Clock
from tests.shared.scripted_server import ScriptedServer, scripted_server
from tests.shared.things import COLLECTIONS, HEARERS, ThingRepository


@pytest.fixture(autouse=True)
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged, which need not be written out."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def installation(mongo_url: str) -> Iterator[Settings]:
    """Settings that lead to databases of these tests alone, with the made-up service's built."""
    prefix = f"test_{uuid4().hex[:12]}"
    made = replace(load(), mongo_url=mongo_url, database_prefix=prefix)
    with connect(made) as client:
        list(build(database(client, made, "things"), COLLECTIONS))
        yield made
        for name in client.list_database_names():
            if name.startswith(prefix):
                client.drop_database(name)


@pytest.fixture
def settings(installation: Settings) -> Settings:
    """The settings of all these tests. What a database holds is removed after each of them."""
    return installation


@pytest.fixture
def own(client: MongoClient[Document], settings: Settings) -> Iterator[Database[Document]]:
    """The database of the made-up service, built and empty."""
    made = database(client, settings, "things")
    yield made
    made.command("profile", 0)
    kept = {collection.name for collection in COLLECTIONS}
    for name in made.list_collection_names():
        if name in kept:
            # Much quicker than to build it anew.
            made[name].delete_many({})
        else:
            made[name].drop()


@pytest.fixture
def things(own: Database[Document]) -> ThingRepository:
    """The made-up service's things."""
    return ThingRepository(own, HEARERS)


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
