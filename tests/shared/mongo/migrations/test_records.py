"""The records of migrations and their locks, on the real server."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import WriteError

from shared.document import Document
from shared.mongo.migrations import LockLost, MigrationHeld, MigrationsUnfit
from shared.mongo.migrations.records import LEASE_SECONDS, Records
from tests.support.toys import migration

FIRST = migration()
SECOND = migration(name="0002_more", schema_version=3)


class TestPending:
    def test_are_those_that_were_not_applied(self, records: Records) -> None:
        assert records.pending((FIRST, SECOND)) == [FIRST, SECOND]

        applied(records)

        assert records.pending((FIRST, SECOND)) == [SECOND]

    def test_are_those_that_failed_too(self, records: Records) -> None:
        records.claim(FIRST, holder="me")
        records.end(FIRST, holder="me", count=1, already_new=0, problem="One failed.")

        assert records.pending((FIRST,)) == [FIRST]

    def test_are_unknown_when_one_has_changed_since(self, records: Records) -> None:
        applied(records)

        with pytest.raises(MigrationsUnfit, match="0001_split_colours has changed since"):
            records.pending((migration(checksum="1" * 64),))

    def test_are_unknown_to_an_older_release(self, records: Records) -> None:
        applied(records)

        with pytest.raises(MigrationsUnfit, match="this release does not know it"):
            records.pending(())


class TestClaim:
    def test_lets_one_have_it(self, records: Records) -> None:
        records.claim(FIRST, holder="me")

        with pytest.raises(MigrationHeld, match=r"by another process \(me\)"):
            records.claim(FIRST, holder="you")

    def test_lets_one_of_many_at_once_have_it(self, records: Records) -> None:
        together = Barrier(8)

        def claim(number: int) -> str | None:
            together.wait(10)
            try:
                holder: str = records.claim(FIRST, holder=f"process {number}")["holder"]
            except MigrationHeld:
                return None
            return holder

        with ThreadPoolExecutor(8) as pool:
            holders = list(pool.map(claim, range(8)))

        assert holders.count(None) == 7
        assert (records.find(FIRST) or {})["holder"] in holders

    def test_takes_over_from_the_dead(self, database: Database[Document], records: Records) -> None:
        records.claim(FIRST, holder="dead")
        advance(records, holder="dead")
        let_time_pass(database)

        record = records.claim(FIRST, holder="me")

        assert (record["holder"], record["runs"]) == ("me", 2)
        assert (record["position"], record["migrated"], record["failed"]) == ("0007", 5, 1)
        with pytest.raises(LockLost):
            advance(records, holder="dead")

    def test_begins_anew_after_a_failure(self, records: Records) -> None:
        records.claim(FIRST, holder="me")
        advance(records, holder="me")
        records.end(FIRST, holder="me", count=6, already_new=0, problem="One failed.")

        record = records.claim(FIRST, holder="me")

        assert (record["position"], record["failed"], record["failures"]) == (None, 0, [])
        assert (record["migrated"], record["state"], record["problem"]) == (5, "running", None)

    def test_begins_anew_when_the_file_was_mended(self, records: Records) -> None:
        records.claim(FIRST, holder="me")
        advance(records, holder="me")
        records.let_go(FIRST, holder="me")

        record = records.claim(migration(checksum="1" * 64), holder="me")

        assert (record["position"], record["checksum"]) == (None, "1" * 64)

    def test_says_that_another_was_quicker(self, records: Records) -> None:
        applied(records)

        with pytest.raises(MigrationHeld, match="was applied by another process just now"):
            records.claim(FIRST, holder="me")


class TestRenew:
    def test_keeps_the_lock(self, database: Database[Document], records: Records) -> None:
        records.claim(FIRST, holder="me")
        let_time_pass(database)

        assert records.renew(FIRST, holder="me")

        with pytest.raises(MigrationHeld):
            records.claim(FIRST, holder="you")

    def test_says_that_it_is_lost(self, records: Records) -> None:
        records.claim(FIRST, holder="me")

        assert not records.renew(FIRST, holder="you")


class TestEnd:
    def test_is_not_taken_by_the_database_when_the_account_is_wrong(self, records: Records) -> None:
        records.claim(FIRST, holder="me")
        records.advance(FIRST, holder="me", position="1", migrated=5, failures=[])

        for wrong in ({"count": 7, "already_new": 1}, {"count": 5, "already_new": 1}):
            with pytest.raises(WriteError, match="failed validation"):
                records.end(FIRST, holder="me", problem=None, **wrong)

        records.end(FIRST, holder="me", problem=None, count=6, already_new=1)
        assert records.pending((FIRST,)) == []

    def test_is_not_taken_by_the_database_while_documents_have_failed(
        self, records: Records
    ) -> None:
        records.claim(FIRST, holder="me")
        advance(records, holder="me")

        with pytest.raises(WriteError, match="failed validation"):
            records.end(FIRST, holder="me", problem=None, count=6, already_new=1)


class TestNoteNothingToDo:
    def test_makes_it_applied(self, records: Records) -> None:
        assert records.note_nothing_to_do(FIRST)

        assert records.pending((FIRST,)) == []
        assert not records.note_nothing_to_do(FIRST)

    def test_leaves_one_alone_that_was_begun(self, records: Records) -> None:
        records.claim(FIRST, holder="me")

        assert not records.note_nothing_to_do(FIRST)
        assert records.pending((FIRST,)) == [FIRST]


def applied(records: Records) -> None:
    records.claim(FIRST, holder="me")
    records.end(FIRST, holder="me", count=0, already_new=0, problem=None)


def advance(records: Records, *, holder: str) -> None:
    failures: list[Any] = [{"id": "0003", "reason": "It is odd."}]
    records.advance(FIRST, holder=holder, position="0007", migrated=5, failures=failures)


def let_time_pass(database: Database[Document]) -> None:
    past = datetime.now(UTC) - timedelta(seconds=LEASE_SECONDS)
    database.migrations.update_one({}, {"$set": {"lease_until": past}})
