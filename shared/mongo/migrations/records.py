"""The record of each migration in the database that it changes, which is its lock as well.

A lock is a lease, by the server's clock: who holds it renews it, and when that process dies, it
runs out. Whatever is written into a record is written by its holder only.
"""

from contextlib import suppress
from typing import Any

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from shared.document import Document
from shared.mongo.migrations import LockLost, MigrationHeld, MigrationsUnfit
from shared.mongo.migrations.documents import MAX_FAILURES, MIGRATIONS
from shared.mongo.migrations.files import Migration

LEASE_SECONDS = 30

_LEASE: Document = {"$add": ["$$NOW", LEASE_SECONDS * 1_000]}


class Records:
    """The records of one service's migrations."""

    def __init__(self, database: Database[Document]) -> None:
        self._records = database[MIGRATIONS.name]
        self._service = database.name

    def pending(self, migrations: tuple[Migration, ...]) -> list[Migration]:
        """Those that have not been applied.

        :raises MigrationsUnfit: one that was applied has changed since, or is not known here.
        """
        applied = {
            record["_id"]: record["checksum"] for record in self._records.find({"state": "applied"})
        }
        known = {migration.name: migration.checksum for migration in migrations}
        for name, checksum in sorted(applied.items()):
            if name not in known:
                raise MigrationsUnfit(
                    f"{self._service}: {name} was applied, and this release does not know it; "
                    "run a release that does."
                )
            if known[name] != checksum:
                raise MigrationsUnfit(
                    f"{self._service}: {name} has changed since it was applied; put the file back "
                    "as it was, and write a new migration for what is to change."
                )
        return [migration for migration in migrations if migration.name not in applied]

    def find(self, migration: Migration) -> Document | None:
        """The record of a migration, if it was ever begun."""
        return self._records.find_one({"_id": migration.name})

    def claim(self, migration: Migration, *, holder: str) -> Document:
        """Take the lock, and answer with the record as it is then.

        A run that was cut short goes on; one that failed begins again, and so does one whose file
        has changed meanwhile. Of what was migrated before a failure, as much counts
        as was there at its end: else one document that was removed would fail all runs after it.

        :raises MigrationHeld: another process has it.
        """
        self._begin(migration)
        goes_on = {
            "$and": [
                {"$eq": ["$state", "running"]},
                {"$eq": ["$checksum", {"$literal": migration.checksum}]},
            ]
        }
        claimed = self._records.find_one_and_update(
            {
                "_id": migration.name,
                "state": {"$ne": "applied"},
                "$expr": {"$lte": ["$lease_until", "$$NOW"]},
            },
            [
                {
                    "$set": {
                        "position": {"$cond": [goes_on, "$position", None]},
                        "migrated": {
                            "$cond": [
                                {"$eq": ["$state", "failed"]},
                                {"$min": ["$migrated", "$count"]},
                                "$migrated",
                            ]
                        },
                        "failed": {"$cond": [goes_on, "$failed", 0]},
                        "failures": {"$cond": [goes_on, "$failures", []]},
                        "state": "running",
                        "checksum": {"$literal": migration.checksum},
                        "holder": {"$literal": holder},
                        "lease_until": _LEASE,
                        "problem": None,
                        "runs": {"$add": ["$runs", 1]},
                        "updated_at": "$$NOW",
                        "finished_at": None,
                    }
                }
            ],
            return_document=ReturnDocument.AFTER,
        )
        if claimed is None:
            raise MigrationHeld(self._who_was_quicker(migration))
        return claimed

    def renew(self, migration: Migration, *, holder: str) -> bool:
        """Keep the lock for another while; False if it is somebody else's by now."""
        kept = self._records.update_one(
            {"_id": migration.name, "holder": holder}, [{"$set": {"lease_until": _LEASE}}]
        )
        return kept.matched_count == 1

    def advance(
        self,
        migration: Migration,
        *,
        holder: str,
        position: str,
        migrated: int,
        failures: list[Document],
    ) -> None:
        """Note how far it has come.

        :raises LockLost: the lock is somebody else's by now.
        """
        self._write(
            migration,
            holder,
            {
                "$set": {"position": position},
                "$inc": {"migrated": migrated, "failed": len(failures)},
                "$push": {"failures": {"$each": failures, "$slice": MAX_FAILURES}},
            },
        )

    def end(
        self,
        migration: Migration,
        *,
        holder: str,
        count: int,
        already_new: int,
        problem: str | None,
    ) -> None:
        """Note what it came to, and let go of the lock.

        :raises LockLost: the lock is somebody else's by now.
        """
        outcome = {
            "state": "failed" if problem else "applied",
            "count": count,
            "already_new": already_new,
            "problem": problem,
            "holder": None,
        }
        dates = {"lease_until": True, "finished_at": True}
        self._write(migration, holder, {"$set": outcome, "$currentDate": dates})

    def let_go(self, migration: Migration, *, holder: str) -> None:
        """Let go of the lock in the middle, so that another run may go on at once."""
        self._write(
            migration, holder, {"$set": {"holder": None}, "$currentDate": {"lease_until": True}}
        )

    def note_nothing_to_do(self, migration: Migration) -> bool:
        """Record a migration as applied to an empty collection; False if there is a record."""
        if self.find(migration) is not None:
            return False
        self._begin(migration)
        holder = "setup"
        try:
            self.claim(migration, holder=holder)
        except MigrationHeld:
            # Another setup, at the same time, was quicker.
            return False
        self.end(migration, holder=holder, count=0, already_new=0, problem=None)
        return True

    def _begin(self, migration: Migration) -> None:
        """Make the record, unless it is there."""
        fresh: Document = {
            "checksum": {"$literal": migration.checksum},
            "collection": {"$literal": migration.collection},
            "state": "running",
            "holder": None,
            "lease_until": "$$NOW",
            "position": None,
            "migrated": 0,
            "already_new": 0,
            "failed": 0,
            "count": 0,
            "failures": [],
            "problem": None,
            "runs": 0,
            "started_at": "$$NOW",
            "updated_at": "$$NOW",
            "finished_at": None,
        }
        missing = {name: {"$ifNull": [f"${name}", value]} for name, value in fresh.items()}
        # Of two that begin it at once, one makes the record, and the other is refused.
        with suppress(DuplicateKeyError):
            self._records.update_one({"_id": migration.name}, [{"$set": missing}], upsert=True)

    def _who_was_quicker(self, migration: Migration) -> str:
        record = self.find(migration) or {}
        if record.get("state") == "applied":
            return f"{self._service}: {migration.name} was applied by another process just now."
        return (
            f"{self._service}: {migration.name} is being applied by another process "
            f"({record.get('holder')}). If that one is dead, its lock runs out within "
            f"{LEASE_SECONDS} s."
        )

    def _write(self, migration: Migration, holder: str, update: dict[str, Any]) -> None:
        dates = update.get("$currentDate", {}) | {"updated_at": True}
        outcome = self._records.update_one(
            {"_id": migration.name, "holder": holder}, update | {"$currentDate": dates}
        )
        if outcome.matched_count == 0:
            raise LockLost(
                f"{self._service}: {migration.name} was taken over by another process; nothing is "
                "lost, and it goes on there."
            )
