"""Writes of many documents at once, on the real server."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier

import pytest
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from shared.document import Document
from shared.mongo.bulk_writes import apply_states, insert_missing
from tests.support.things import ThingRepository, thing


class TestApplyStates:
    def test_keeps_the_newest_however_they_come(self, database: Database[Document]) -> None:
        states = [state(id, version) for id in "abcde" for version in range(1, 9)]

        for batch in batches(states + states, seed=7):
            apply_states(database.copies, batch)

        assert list(database.copies.find().sort("_id")) == [state(id, 8) for id in "abcde"]

    def test_keeps_the_newest_of_one_batch(self, database: Database[Document]) -> None:
        apply_states(database.copies, [state("a", version) for version in (2, 5, 5, 1, 4)])

        assert list(database.copies.find()) == [state("a", 5)]

    def test_keeps_the_newest_when_many_write_at_once(self, database: Database[Document]) -> None:
        together = Barrier(6)
        states = [state(id, version) for id in "abc" for version in range(1, 13)]

        def write(seed: int) -> None:
            together.wait(10)
            for batch in batches(states, seed=seed):
                apply_states(database.copies, batch)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write, range(6)))

        assert list(database.copies.find().sort("_id")) == [state(id, 12) for id in "abc"]

    def test_keeps_the_newest_of_what_many_bring_at_once(
        self, database: Database[Document]
    ) -> None:
        together = Barrier(6)

        def write(version: int) -> None:
            for batch in range(12):
                # Nobody has these yet, so that all try to be the first to insert them.
                states = [state(f"{batch}-{number}", version) for number in range(20)]
                together.wait(10)
                apply_states(database.copies, states)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write, range(1, 7)))

        assert database.copies.count_documents({}) == 240
        assert database.copies.count_documents({"version": 6}) == 240

    def test_leaves_fields_that_it_is_not_told_about(self, database: Database[Document]) -> None:
        database.copies.insert_one({"_id": "a", "version": 1, "seen": True})

        apply_states(database.copies, [state("a", 2)])

        assert database.copies.find_one() == {**state("a", 2), "seen": True}

    def test_of_nothing_does_nothing(self, database: Database[Document]) -> None:
        apply_states(database.copies, [])

        assert database.copies.find_one() is None

    def test_does_not_hide_a_broken_rule(self, things: ThingRepository) -> None:
        wrong = {**thing(size="large"), "outbox": []}
        right = {**thing(), "outbox": []}

        with pytest.raises(BulkWriteError):
            apply_states(things.collection, [wrong, right])

        assert things.get(right["_id"])


class TestInsertMissing:
    def test_leaves_what_is_there_as_it_is(self, database: Database[Document]) -> None:
        insert_missing(database.copies, [state("a", 1)])

        there = insert_missing(database.copies, [state("a", 2), state("b", 2)])

        assert there == {"a"}
        assert list(database.copies.find().sort("_id")) == [state("a", 1), state("b", 2)]

    def test_takes_the_first_of_what_comes_twice(self, database: Database[Document]) -> None:
        assert insert_missing(database.copies, [state("a", 1), state("a", 2)]) == {"a"}
        assert database.copies.find_one() == state("a", 1)

    def test_of_nothing_does_nothing(self, database: Database[Document]) -> None:
        assert insert_missing(database.copies, []) == set()

    def test_does_not_hide_a_broken_rule(self, things: ThingRepository) -> None:
        known = {**thing(), "outbox": []}
        things.collection.insert_one(known)

        with pytest.raises(BulkWriteError):
            insert_missing(things.collection, [known, {**thing(size="large"), "outbox": []}])

    def test_does_not_take_another_key_for_the_id(self, database: Database[Document]) -> None:
        database.copies.create_index("version", unique=True)
        database.copies.insert_one(state("a", 1))

        with pytest.raises(BulkWriteError):
            insert_missing(database.copies, [state("b", 1)])


def batches(states: list[Document], *, seed: int) -> list[list[Document]]:
    """The states in any order, five at a time."""
    shuffled = Random(seed).sample(states, len(states))  # noqa: S311 - no secret
    return [shuffled[start : start + 5] for start in range(0, len(shuffled), 5)]


def state(id: str, version: int) -> Document:
    """What some event says of something."""
    return {"_id": id, "version": version, "total": version * 10}
