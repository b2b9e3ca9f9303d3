"""Backups of all services together, and their return. Knows which databases there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import redis
from pymongo import MongoClient

from services.registry import SERVICES
from services.tools.settings import BackupSettings
from shared.backup import BackupBroken, BackupFailed, Progress, manifest
from shared.backup.dump import dump
from shared.backup.manifest import Manifest
from shared.backup.restore import (
    build_indexes,
    drop,
    fill,
    problems,
    refuse_occupied,
    release_events,
)
from shared.backup.store import Store
from shared.document import Document
from shared.messaging.broker import forget_messages
from shared.mongo.client import connect
from shared.settings import PREFIX_RULE, Settings, is_prefix


@dataclass(frozen=True, kw_only=True)
class Made:
    """A new backup, and the old ones that it has replaced."""

    path: Path
    manifest: Manifest
    removed: list[Path]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore has done."""

    manifest: Manifest
    prefix: str
    waiting: int
    """Documents whose events go out again."""
    emptied: bool
    """True if the queues were emptied of messages of another past."""


def make(settings: Settings, backup: BackupSettings, *, now: datetime, progress: Progress) -> Made:
    """Back up the databases of all services as of this moment, and remove outlived backups.

    :raises BackupFailed: it cannot be made.
    """
    store = Store(backup.folder, settings.database_prefix)
    with connect(settings, patient=True) as client, store.unfinished() as folder:
        made = dump(client, settings.database_prefix, list(SERVICES), folder, progress=progress)
        path = store.finish(folder, now=now)
        removed = store.remove_outlived(daily=backup.keep_daily, weekly=backup.keep_weekly)
    return Made(path=path, manifest=made, removed=removed)


def restore(
    settings: Settings,
    folder: Path,
    *,
    into: str,
    overwrite: bool,
    now: datetime,
    progress: Progress,
) -> Restored:
    """Make the databases under the prefix `into` what they were at the moment of a backup.

    Events that wait in them go out again as soon as a relay runs.

    :raises BackupFailed: the backup cannot be read, or the databases hold documents and `overwrite`
        was not said. Nothing has been changed then.
    """
    refuse_prefix(into)
    made = manifest.read(folder)
    names = sorted(
        {*made.database_names(into=into), *(f"{into}_{service}" for service in SERVICES)}
    )
    with connect(settings, patient=True) as client:
        if not overwrite:
            refuse_occupied(client, names)
        # Read to its end before anything is lost for it.
        refuse_broken(problems(made, folder, progress=progress))
        drop(client, names)
        with dropped_on_failure(client, names):
            fill(client, made, folder, into=into, progress=progress)
            build_indexes(client, made, folder, into=into, progress=progress)
            waiting = release_events(client, made, into=into, now=now)
    try:
        forget_messages(replace(settings, database_prefix=into), SERVICES)
        emptied = True
    except redis.RedisError:
        emptied = False
    return Restored(manifest=made, prefix=into, waiting=waiting, emptied=emptied)


def refuse_prefix(into: str) -> None:
    """Let pass what databases can be named with.

    :raises BackupFailed: it is something else.
    """
    if not is_prefix(into):
        raise BackupFailed(f"INTO={into} names no databases. {PREFIX_RULE}")


def refuse_broken(found: Iterator[str]) -> None:
    """Let pass a backup in which no problem was found.

    :raises BackupBroken: there is one, or more.
    """
    sentences = list(found)
    if sentences:
        more = f" ({len(sentences) - 1} more files are not right.)" if sentences[1:] else ""
        raise BackupBroken(sentences[0] + more)


@contextmanager
def dropped_on_failure(client: MongoClient[Document], names: list[str]) -> Iterator[None]:
    """Drop databases if the block does not end well, so that half of them never passes for all."""
    try:
        yield
    except BaseException:
        drop(client, names)
        raise


@contextmanager
def dropped_in_the_end(client: MongoClient[Document], names: list[str]) -> Iterator[None]:
    """Drop databases when the block ends, however it does."""
    try:
        yield
    finally:
        drop(client, names)
