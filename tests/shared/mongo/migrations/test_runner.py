"""Whole migrations, on the real server: cut short, gone on with, and held against what is there."""

from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from pymongo.database import Database

from shared.document import Document
from shared.mongo.migrations import LockLost, MigrationHeld
from shared.mongo.migrations.documents import MAX_FAILURES, MIGRATIONS
from shared.mongo.migrations.records import Records
from shared.mongo.migrations.runner import MigrationResult, apply, rehearse
from tests.support.toys import TOYS, migration, split, toy


class TestApply:
    def test_turns_every_document_and_says_so(
        self, database: Database[Document], records: Records
    ) -> None:
        database.toys.insert_many(
            [toy(n) for n in range(10)] + [split(toy(n)) for n in range(10, 13)]
        )
        shown: list[tuple[str, int, int]] = []

        result = run(database, progress=lambda *step: shown.append(step))

        assert result == MigrationResult(
            migrated=10, already_new=3, failed=0, count=13, failures=[], problem=None
        )
        assert database.toys.count_documents({"schema_version": 2}) == 13
        assert [done for _, done, _ in shown] == [4, 8, 10]
        assert {(name, of) for name, _, of in shown} == {("0001_split_colours", 10)}
        record = records.find(migration()) or {}
        assert (record["state"], record["holder"], record["problem"]) == ("applied", None, None)
        assert (record["migrated"], record["already_new"], record["count"]) == (10, 3, 13)
        assert record["started_at"] <= record["finished_at"]

    def test_of_nothing_is_applied_too(
        self, database: Database[Document], records: Records
    ) -> None:
        assert run(database).count == 0
        assert records.pending((migration(),)) == []

    def test_rests_after_each_batch(self, database: Database[Document]) -> None:
        database.toys.insert_many([toy(n) for n in range(10)])
        rests: list[float] = []

        run(database, sleep=rests.append)

        assert len(rests) == 3
        assert all(rest > 0 for rest in rests)

    def test_goes_on_where_it_was_cut_short(
        self, database: Database[Document], records: Records
    ) -> None:
        database.toys.insert_many([toy(n) for n in range(10)])
        seen: list[str] = []

        def watched(document: Document) -> Document:
            seen.append(document["_id"])
            return split(document)

        def interrupt(_name: str, done: int, _of: int) -> None:
            if done == 8:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(database, watched, progress=interrupt)
        left = records.find(migration()) or {}
        result = run(database, watched)

        assert (left["state"], left["position"], left["migrated"]) == ("running", "0007", 8)
        assert (result.migrated, result.already_new, result.problem) == (10, 0, None)
        assert seen == [f"{n:04}" for n in range(10)]

    def test_counts_what_was_written_but_not_recorded_as_already_new(
        self, database: Database[Document]
    ) -> None:
        database.toys.insert_many([toy(n) for n in range(10)])

        def die(_name: str, done: int, _of: int) -> None:
            if done == 4:
                # As if the process had died between a batch and its record.
                database.migrations.update_one({}, {"$set": {"position": None, "migrated": 0}})
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(database, progress=die)
        result = run(database)

        assert (result.migrated, result.already_new, result.count) == (6, 4, 10)
        assert result.problem is None

    def test_is_done_by_one_of_two_at_once(self, database: Database[Document]) -> None:
        database.toys.insert_many([toy(n) for n in range(10)])
        together, both_have_tried = Barrier(2), Event()

        def try_it(_: int) -> MigrationResult | str:
            together.wait(10)
            try:
                return run(database, progress=lambda *_: both_have_tried.wait(10) and None)
            except MigrationHeld as error:
                both_have_tried.set()
                return str(error)

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(try_it, range(2)))

        (result,) = (one for one in outcomes if isinstance(one, MigrationResult))
        (refusal,) = (one for one in outcomes if isinstance(one, str))
        assert result.migrated == 10
        assert "is being applied by another process" in refusal

    def test_keeps_its_lock_through_a_long_batch(
        self, database: Database[Document], records: Records
    ) -> None:
        database.toys.insert_one(toy(1))
        leases = []

        def slow(document: Document) -> Document:
            first = (records.find(migration()) or {})["lease_until"]
            leases.append(first)
            while (latest := (records.find(migration()) or {})["lease_until"]) == first:
                continue
            leases.append(latest)
            return split(document)

        run(database, slow, beat=0.01)

        assert leases[0] < leases[1]

    def test_goes_on_though_its_lock_could_not_be_renewed_for_once(
        self, database: Database[Document], log: list[MutableMapping[str, Any]]
    ) -> None:
        database.toys.insert_one(toy(1))
        rules = MIGRATIONS.rules()

        def hindered(document: Document) -> Document:
            database.command({"collMod": "migrations", "validator": {"collection": "none"}})
            while not any(entry["event"] == "migration_lock_not_renewed" for entry in log):
                continue
            database.command({"collMod": "migrations", **rules})
            return split(document)

        assert run(database, hindered, beat=0.01).problem is None

    def test_stops_when_another_has_taken_over(
        self, database: Database[Document], records: Records
    ) -> None:
        database.toys.insert_many([toy(n) for n in range(10)])

        def take_over(document: Document) -> Document:
            database.migrations.update_one({}, {"$set": {"holder": "another"}})
            return split(document)

        with pytest.raises(LockLost, match="was taken over by another process"):
            run(database, take_over)

        assert (records.find(migration()) or {})["holder"] == "another"

    def test_names_documents_that_fail_and_is_not_done(
        self, database: Database[Document], records: Records
    ) -> None:
        database.toys.insert_many([toy(n) for n in range(9)] + [toy(9, colour="green")])

        result = run(database)

        assert (result.migrated, result.failed, result.count) == (9, 1, 10)
        assert [one["id"] for one in result.failures] == ["0009"]
        assert str(result.problem).startswith("1 documents could not be migrated")
        record = records.find(migration()) or {}
        assert (record["state"], record["failed"], record["problem"]) == (
            "failed",
            1,
            result.problem,
        )
        assert records.pending((migration(),)) == [migration()]

        database.toys.update_one({"_id": "0009"}, {"$set": {"colour": "blue"}})
        again = run(database)

        assert (again.migrated, again.already_new, again.failed, again.problem) == (10, 0, 0, None)

    def test_counts_all_that_fail_and_names_some(self, database: Database[Document]) -> None:
        many = MAX_FAILURES + 5
        database.toys.insert_many([toy(n, colour="green") for n in range(many)])

        result = run(database, batch=60)

        assert (result.failed, len(result.failures)) == (many, MAX_FAILURES)

    def test_is_not_done_while_an_older_release_writes(
        self, database: Database[Document], records: Records
    ) -> None:
        database.toys.insert_many([toy(n) for n in range(1, 10)])

        def straggle(_name: str, done: int, _of: int) -> None:
            if done == 4:
                database.toys.insert_one(toy(0))

        result = run(database, progress=straggle)

        assert (result.migrated, result.already_new, result.count) == (9, 0, 10)
        assert "of which 1 are of the form before" in str(result.problem)
        assert (records.find(migration()) or {})["state"] == "failed"
        assert run(database).problem is None

    def test_is_not_done_when_a_document_is_lost(self, database: Database[Document]) -> None:
        database.toys.insert_many([toy(n) for n in range(10)])

        def lose(_name: str, done: int, _of: int) -> None:
            if done == 8:
                database.toys.delete_one({"_id": "0001"})

        problem = str(run(database, progress=lose).problem)

        assert "10 migrated, 0 already new" in problem
        assert "1 of those that were migrated are not there any more" in problem

        again = run(database)

        assert (again.migrated, again.already_new, again.count, again.problem) == (9, 0, 9, None)


class TestRehearse:
    def test_says_what_would_be_and_writes_nothing(self, database: Database[Document]) -> None:
        database.toys.insert_many([toy(n) for n in range(25)] + [split(toy(30))])
        database.toys.insert_many([toy(40, colour="green"), {"_id": "0041", "sold": 1}])
        before = list(database.toys.find())

        result = rehearse(database, migration(), TOYS, progress=lambda *_: None, batch=22)

        assert (result.migrated, result.already_new, result.failed) == (25, 1, 2)
        assert [(one["id"], one["reason"]) for one in result.failures] == [
            ("0041", "KeyError: 'colour'"),
            ("0040", "The validator refuses what it would become."),
        ]
        assert result.problem == "2 documents would stay as they are."
        assert list(database.toys.find()) == before
        assert database.migrations.count_documents({}) == 0

    def test_takes_values_that_look_like_expressions(self, database: Database[Document]) -> None:
        database.toys.insert_one({"_id": "$$ROOT", "colour": "$version"})

        result = rehearse(database, migration(), TOYS, progress=lambda *_: None)

        assert [one["id"] for one in result.failures] == ["$$ROOT"]


def run(
    database: Database[Document], migrate: Callable[[Document], Document] = split, **options: Any
) -> MigrationResult:
    """Apply the migration of the toys, four at a time and without a rest."""
    usual: dict[str, Any] = {"progress": lambda *_: None, "sleep": lambda _: None, "batch": 4}
    return apply(database, migration(migrate), **usual | options)
