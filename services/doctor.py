"""One page on how the databases of all services are, and what to do. Knows all services."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module

from pymongo import MongoClient

from shared.database import Collection, Document, connect, database
from shared.doctor import events, replication, rules, slow, storage
from shared.doctor.findings import Finding
from shared.settings import PORTS, Settings


def run(settings: Settings) -> Iterator[Finding]:
    """Look at everything; yields as it goes, for to hold all documents to the rules takes time."""
    now = datetime.now(UTC)
    with connect(settings) as client:
        yield from replication.members(client)
        yield replication.oplog(client)
        yield storage.disk(client, database(client, settings, "customers").name)
        for service in PORTS:
            yield from _look_at(service, client, settings, now=now)


def note_slow_queries(settings: Settings, *, milliseconds: int | None) -> None:
    """Have the server note what takes longer than this in any service, or nothing (None)."""
    with connect(settings) as client:
        for service in PORTS:
            slow.note_slow_queries(database(client, settings, service), milliseconds=milliseconds)


def _look_at(
    service: str, client: MongoClient[Document], settings: Settings, *, now: datetime
) -> Iterator[Finding]:
    owned = database(client, settings, service)
    declared: tuple[Collection, ...] = import_module(f"services.{service}.documents").COLLECTIONS
    present = set(owned.list_collection_names())
    there = tuple(collection for collection in declared if collection.name in present)
    yield from storage.collections(owned, declared, now=now)
    yield from rules.breaches(owned, there)
    yield from slow.slowest(owned)
    yield from events.unconfirmed(owned, there, now=now)
    yield from events.dead_letters(owned)
