"""Migrations of all services: lists those that are pending, and applies them. Knows no terminal."""

from collections.abc import Iterator
from dataclasses import dataclass

from pymongo import MongoClient

from services import registry
from shared.document import Document
from shared.mongo.client import service_database
from shared.mongo.migrations import MigrationsUnfit, runner
from shared.mongo.migrations.files import Migration
from shared.mongo.migrations.records import Records
from shared.mongo.migrations.runner import MigrationResult, Progress
from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Done:
    """A migration of a service, and what it came to."""

    service: str
    migration: Migration
    account: MigrationResult


def pending(
    settings: Settings,
    client: MongoClient[Document],
    services: tuple[str, ...] = tuple(registry.SERVICES),
) -> list[tuple[str, Migration]]:
    """The migrations that have not been applied, with their services, in the order to apply them.

    :raises MigrationsUnfit: files and records do not belong together.
    """
    return [
        (service, migration)
        for service in services
        for migration in Records(service_database(client, settings, service)).pending(
            registry.migrations(service)
        )
    ]


def settle_new(settings: Settings, client: MongoClient[Document]) -> Iterator[str]:
    """Note the migrations of empty collections as applied, for nothing there is of an older form.

    Yields a sentence for each that remains pending, or for why none may be applied; that is no
    reason not to start, for the release before may have to come back.
    """
    try:
        for service, migration in pending(settings, client):
            owned = service_database(client, settings, service)
            if owned[migration.collection].find_one({}, {"_id": 1}) is None:
                Records(owned).note_nothing_to_do(migration)
            else:
                yield _said(owned.name, migration)
    except MigrationsUnfit as error:
        yield str(error)


def tell_pending(settings: Settings, client: MongoClient[Document]) -> Iterator[str]:
    """A sentence for each migration that is pending.

    :raises MigrationsUnfit: files and records do not belong together.
    """
    for service, migration in pending(settings, client):
        yield _said(service_database(client, settings, service).name, migration)


def apply(
    settings: Settings,
    client: MongoClient[Document],
    services: tuple[str, ...],
    *,
    progress: Progress,
    batch: int = runner.BATCH,
    only_rehearse: bool = False,
) -> Iterator[Done]:
    """Apply what is pending, or only say what that would come to; ends with the first that fails.

    :raises MigrationsUnfit: files and records do not belong together.
    :raises MigrationHeld: another process is at it.
    """
    for service, migration in pending(settings, client, services):
        owned = service_database(client, settings, service)
        if only_rehearse:
            account = _rehearse(service, migration, settings, client, progress)
        else:
            account = runner.apply(owned, migration, progress=progress, batch=batch)
        yield Done(service=service, migration=migration, account=account)
        if account.problem:
            return


def _rehearse(
    service: str,
    migration: Migration,
    settings: Settings,
    client: MongoClient[Document],
    progress: Progress,
) -> MigrationResult:
    (declared,) = (one for one in registry.collections(service) if one.name == migration.collection)
    return runner.rehearse(
        service_database(client, settings, service), migration, declared, progress=progress
    )


def _said(database_name: str, migration: Migration) -> str:
    return (
        f"{database_name}: the migration {migration.name} is pending; `make migrate` applies it "
        "while everybody goes on working"
    )
