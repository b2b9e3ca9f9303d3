"""Reports on the state of all services' databases, with advice. Knows all services, no terminal."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pymongo import MongoClient
from pymongo.database import Database

from services import registry
from shared.doctor import breaches, events, replication, slow, storage
from shared.doctor.findings import Finding, bad, good, look
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.mongo.migrations import MigrationsUnfit
from shared.mongo.migrations.files import Migration
from shared.mongo.migrations.records import Records
from shared.settings import Settings


def run(settings: Settings) -> Iterator[Finding]:
    """Check everything; yields as it goes, because validating all documents takes time."""
    now = datetime.now(UTC)
    with connect(settings) as client:
        yield from replication.members(client)
        yield replication.oplog(client)
        yield storage.disk(client, service_database(client, settings, "customers").name)
        for service in registry.SERVICES:
            yield from _look_at(service, client, settings, now=now)


def note_slow_queries(settings: Settings, *, milliseconds: int | None) -> None:
    """Have the server note what takes longer than this in any service, or nothing (None)."""
    with connect(settings) as client:
        for service in registry.SERVICES:
            slow.note_slow_queries(
                service_database(client, settings, service), milliseconds=milliseconds
            )


def _look_at(
    service: str, client: MongoClient[Document], settings: Settings, *, now: datetime
) -> Iterator[Finding]:
    owned = service_database(client, settings, service)
    declared = registry.collections(service)
    present = set(owned.list_collection_names())
    there = tuple(collection for collection in declared if collection.name in present)
    yield from storage.collections(owned, declared, now=now)
    yield from breaches.breaches(owned, there)
    yield from slow.slowest(owned)
    yield from events.unconfirmed(owned, there, now=now)
    yield from events.dead_letters(owned)
    yield _migrations(owned, registry.migrations(service))


def _migrations(owned: Database[Document], known: tuple[Migration, ...]) -> Finding:
    """The finding on documents of an older form that may still be there."""
    subject, records = f"{owned.name} migrations", Records(owned)
    try:
        pending = records.pending(known)
    except MigrationsUnfit as error:
        return bad(subject, "not those of this release", str(error))
    for migration in pending:
        problem = (records.find(migration) or {}).get("problem")
        if problem:
            return bad(subject, f"{migration.name} failed", problem)
    if pending:
        names = ", ".join(migration.name for migration in pending)
        return look(
            subject, f"pending: {names}", "Run `make migrate`; everybody may go on working."
        )
    return good(subject, "all are applied")
