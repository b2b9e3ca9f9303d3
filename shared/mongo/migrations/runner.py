"""Applies a migration: walks its collection in batches, in the order of ids, and settles accounts.

Live requests go on meanwhile. Each batch is followed by a rest, so that they are not crowded out.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pymongo.database import Database
from pymongo.errors import PyMongoError

from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.collections import Collection
from shared.mongo.migrations import LockLost
from shared.mongo.migrations.batches import Outcome, changes, turn
from shared.mongo.migrations.files import Migration
from shared.mongo.migrations.records import LEASE_SECONDS, Records

BATCH = 500
# With a rest of half the time that a batch took, a third of the time is left to others alone.
REST = 0.5
# The server takes at most 16 MB in one command, which a few documents never come near.
_HELD_TO_RULES_AT_ONCE = 20

Progress = Callable[[str, int, int], None]
"""Called with a migration's name, the documents done, and all documents."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class MigrationResult:
    """The result of a migration. `problem` says why it is not done, or is None."""

    migrated: int
    already_new: int
    failed: int
    count: int
    """The documents of the collection, all at one moment."""
    failures: list[Document]
    problem: str | None


def apply(
    database: Database[Document],
    migration: Migration,
    *,
    progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
    batch: int = BATCH,
    beat: float = LEASE_SECONDS / 3,
) -> MigrationResult:
    """Apply a migration, or go on with it where it was cut short.

    `batch` documents are read and written at once; every `beat` seconds the lock is renewed.

    :raises MigrationHeld: another process applies it.
    :raises LockLost: another process took over.
    """
    records = Records(database)
    holder = f"{socket.gethostname()}:{os.getpid()}:{new_id()}"
    record = records.claim(migration, holder=holder)
    try:
        with _heartbeat(records, migration, holder, seconds=beat):
            of = record["migrated"] + _count(database, migration)["older"]
            done = record["migrated"]
            position = record["position"]
            for documents in _batches(database, migration, position, batch):
                began = time.perf_counter()
                outcome = turn(database[migration.collection], migration, documents)
                records.advance(
                    migration,
                    holder=holder,
                    position=documents[-1]["_id"],
                    migrated=outcome.migrated,
                    failures=outcome.failures,
                )
                done += len(documents)
                progress(migration.name, min(done, of), of)
                sleep(REST * (time.perf_counter() - began))
            return _settle(records, database, migration, holder)
    except BaseException:
        # If this fails as well, the lock runs out by itself.
        with suppress(PyMongoError, LockLost):
            records.let_go(migration, holder=holder)
        raise


def rehearse(
    database: Database[Document],
    migration: Migration,
    declared: Collection,
    *,
    progress: Progress,
    batch: int = BATCH,
) -> MigrationResult:
    """The result that applying it would have now. Nothing is written; the rules are checked."""
    outcome = Outcome()
    counted = _count(database, migration)
    for documents in _batches(database, migration, None, batch):
        ahead = [change.after for change in changes(migration, documents, outcome)]
        refused = set(_refused(database, declared, ahead))
        for id in sorted(refused):
            outcome.fail(id, "The validator refuses what it would become.")
        outcome.migrated += len(ahead) - len(refused)
        done = outcome.migrated + len(outcome.failures)
        progress(migration.name, min(done, counted["older"]), counted["older"])
    failed = len(outcome.failures)
    return MigrationResult(
        migrated=outcome.migrated,
        already_new=counted["count"] - counted["older"],
        failed=failed,
        count=counted["count"],
        failures=outcome.failures,
        problem=f"{failed:,} documents would stay as they are." if failed else None,
    )


def _settle(
    records: Records, database: Database[Document], migration: Migration, holder: str
) -> MigrationResult:
    """Hold what was done against what is there, and record it."""
    record = records.find(migration) or {}
    migrated, failed = record["migrated"], record["failed"]
    counted = _count(database, migration)
    newer = counted["count"] - counted["older"]
    already_new = max(0, newer - migrated)
    problem = None
    if failed:
        problem = (
            f"{failed:,} documents could not be migrated and stay as they are; the record names "
            "them. Mend them or the migration, and run it again."
        )
    elif migrated > newer and not counted["older"]:
        problem = (
            f"{migrated:,} migrated, {already_new:,} already new and {failed:,} failed are not the "
            f"{counted['count']:,} documents that are there: {migrated - newer:,} of those that "
            "were migrated are not there any more. If they were removed on purpose, run the "
            "migration again; it goes by what is there then."
        )
    elif migrated + already_new + failed != counted["count"]:
        problem = (
            f"{migrated:,} migrated, {already_new:,} already new and {failed:,} failed are not the "
            f"{counted['count']:,} documents that are there, of which {counted['older']:,} are of "
            "the form before. Is a process of the release before still at work? Stop it, and run "
            "the migration again."
        )
    records.end(
        migration,
        holder=holder,
        count=counted["count"],
        already_new=already_new,
        problem=problem,
    )
    return MigrationResult(
        migrated=migrated,
        already_new=already_new,
        failed=failed,
        count=counted["count"],
        failures=record["failures"],
        problem=problem,
    )


def _batches(
    database: Database[Document], migration: Migration, position: Any, size: int
) -> Iterator[list[Document]]:
    """The documents of an earlier form behind `position`, whole."""
    while True:
        behind = {} if position is None else {"_id": {"$gt": position}}
        found = database[migration.collection].find({**behind, **migration.older})
        documents = list(found.sort("_id", 1).limit(size))
        if not documents:
            return
        yield documents
        position = documents[-1]["_id"]


def _count(database: Database[Document], migration: Migration) -> Document:
    """The documents of the collection, and those of an earlier form, at one moment."""
    is_newer = {"$gte": [{"$ifNull": ["$schema_version", 1]}, migration.schema_version]}
    group = {
        "_id": None,
        "count": {"$sum": 1},
        "older": {"$sum": {"$cond": [is_newer, 0, 1]}},
    }
    with database.client.start_session(snapshot=True) as session:
        found = list(database[migration.collection].aggregate([{"$group": group}], session=session))
    return found[0] if found else {"count": 0, "older": 0}


def _refused(
    database: Database[Document], declared: Collection, documents: list[Document]
) -> Iterator[Any]:
    """The ids of documents that the collection's validator would refuse."""
    for start in range(0, len(documents), _HELD_TO_RULES_AT_ONCE):
        some = documents[start : start + _HELD_TO_RULES_AT_ONCE]
        held = database.aggregate(
            [
                {"$documents": [{"$literal": document} for document in some]},
                {"$match": {"$nor": [declared.validator]}},
                {"$project": {"_id": 1}},
            ]
        )
        for document in held:
            yield document["_id"]


@contextmanager
def _heartbeat(
    records: Records, migration: Migration, holder: str, *, seconds: float
) -> Iterator[None]:
    """Keep the lock while a batch, or a count of everything, takes longer than the lease."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(seconds):
            try:
                records.renew(migration, holder=holder)
            except PyMongoError as error:
                # The next beat may get through. If none does, the lock is lost, which is noticed.
                log.warning("migration_lock_not_renewed", reason=str(error)[:200])

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
