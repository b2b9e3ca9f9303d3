from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random
from threading import Barrier
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteError

from shared.document import Document
from shared.errors import NotFound, Stale
from shared.mongo.repository import apply_states, insert_missing
from tests.support.things import ThingRepository, boxes, changed, lost, thing


class TestInsert:
    def test_keeps_a_document_together_with_what_it_means(self, things: ThingRepository) -> None:
        lamp = thing(size=3)

        things.insert(lamp, changed(lamp))

        stored = stored_of(things, lamp["_id"])
        assert {name: stored[name] for name in lamp} == lamp
        assert [(entry["to"], entry["name"], entry["sent"]) for entry in stored["outbox"]] == [
            ("things", "ThingChanged", 0),
            ("others", "ThingChanged", 0),
        ]
        assert {entry["data"]["size"] for entry in stored["outbox"]} == {3}

    def test_makes_an_event_due_at_once(self, things: ThingRepository) -> None:
        lamp = thing()

        things.insert(lamp, lost(lamp))

        (entry,) = stored_of(things, lamp["_id"])["outbox"]
        assert entry["due_at"] <= datetime.now(UTC)

    def test_leaves_neither_document_nor_event_when_it_fails(self, things: ThingRepository) -> None:
        lamp = thing(size="large")

        with pytest.raises(WriteError):
            things.insert(lamp, changed(lamp))

        assert not things.is_used()

    def test_refuses_an_id_that_is_taken(self, things: ThingRepository) -> None:
        lamp = thing()
        things.insert(lamp)

        with pytest.raises(DuplicateKeyError):
            things.insert(lamp)

    def test_does_not_drop_an_event_that_nobody_is_known_to_hear(
        self, database: Database[Document]
    ) -> None:
        lamp = thing()

        with pytest.raises(KeyError):
            ThingRepository(database).insert(lamp, changed(lamp))


class TestChange:
    def test_sets_fields_and_raises_the_version(self, things: ThingRepository) -> None:
        lamp = added(things, size=1)

        answer = things.change(lamp["_id"], {"size": 2}, changed(lamp), version=1)

        assert answer == {"_id": lamp["_id"], "kind": "box", "size": 2, "version": 2}
        assert len(stored_of(things, lamp["_id"])["outbox"]) == 2

    def test_keeps_the_events_that_still_wait(self, things: ThingRepository) -> None:
        lamp = thing()
        things.insert(lamp, lost(lamp))

        things.change(lamp["_id"], {"size": 2}, lost(lamp), version=1)

        assert len(stored_of(things, lamp["_id"])["outbox"]) == 2

    @pytest.mark.parametrize("version", [0, 2, 10**17])
    def test_is_stale_for_another_version(self, things: ThingRepository, version: int) -> None:
        lamp = added(things)

        with pytest.raises(Stale):
            things.change(lamp["_id"], {"size": 2}, lost(lamp), version=version)

        assert stored_of(things, lamp["_id"]) == {**lamp, "outbox": []}

    def test_is_stale_for_what_is_gone(self, things: ThingRepository) -> None:
        with pytest.raises(Stale):
            things.change("nothing", {"size": 2}, version=1)

    def test_is_stale_where_a_condition_no_longer_holds(self, things: ThingRepository) -> None:
        lamp = added(things, kind="bag")

        with pytest.raises(Stale):
            things.change(lamp["_id"], {"size": 2}, version=1, where={"kind": "box"})

    def test_of_many_at_once_goes_to_one(self, things: ThingRepository) -> None:
        lamp = added(things)
        together = Barrier(8)

        def change(size: int) -> bool:
            together.wait(10)
            try:
                things.change(lamp["_id"], {"size": size}, lost(lamp), version=1)
            except Stale:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(change, range(8)))

        stored = stored_of(things, lamp["_id"])
        assert sorted(outcomes) == [False] * 7 + [True]
        assert stored["size"] == outcomes.index(True)
        assert len(stored["outbox"]) == 1


class TestReplace:
    def test_keeps_the_events_that_still_wait_and_adds_its_own(
        self, things: ThingRepository
    ) -> None:
        lamp = thing(note="to be forgotten")
        things.insert(lamp, changed(lamp))

        things.replace(lamp["_id"], thing(size=9), lost(lamp), version=1)

        stored = stored_of(things, lamp["_id"])
        assert [entry["name"] for entry in stored.pop("outbox")] == [
            "ThingChanged",
            "ThingChanged",
            "ThingLost",
        ]
        assert stored == {"_id": lamp["_id"], "kind": "box", "size": 9, "version": 2}

    def test_takes_words_that_look_like_fields_as_words(self, things: ThingRepository) -> None:
        lamp = added(things)

        things.replace(lamp["_id"], thing(kind="$size", note="$$ROOT"), version=1)

        stored = stored_of(things, lamp["_id"])
        assert (stored["kind"], stored["note"]) == ("$size", "$$ROOT")

    def test_is_stale_for_another_version(self, things: ThingRepository) -> None:
        lamp = added(things)

        with pytest.raises(Stale):
            things.replace(lamp["_id"], thing(), lost(lamp), version=2)

        assert stored_of(things, lamp["_id"]) == {**lamp, "outbox": []}


class TestReads:
    def test_show_what_callers_may_see(self, things: ThingRepository) -> None:
        lamp = added(things, note="secret")

        shown = {"_id": lamp["_id"], "kind": "box", "size": 1, "version": 1}
        assert things.get(lamp["_id"]) == shown
        assert things.find({"kind": "box"}) == shown
        assert things.page(boxes(), after=None, limit=1).items == [shown]

    def test_show_nothing_that_is_deleted(self, things: ThingRepository) -> None:
        lamp = added(things, deleted_at=datetime.now(UTC))

        with pytest.raises(NotFound):
            things.get(lamp["_id"])

    def test_find_nothing_under_an_unknown_id(self, things: ThingRepository) -> None:
        with pytest.raises(NotFound):
            things.get("nothing")
        assert things.find({"_id": "nothing"}) is None

    def test_tell_whether_there_is_anything(self, things: ThingRepository) -> None:
        assert not things.is_used()

        added(things)

        assert things.is_used()


class TestPage:
    def test_walks_one_stretch_of_the_index(self, things: ThingRepository) -> None:
        shelve(things, sizes=[5, 1, 3, 3, None])
        added(things, kind="bag", size=9)

        assert sizes_of(things, boxes()) == [5, 3, 3, 1, None]

    @pytest.mark.parametrize(
        ("start", "stop", "found"),
        [
            ((), (), [5, 4, 3, 2, 1]),
            ((4,), (), [4, 3, 2, 1]),
            ((), (2,), [5, 4, 3]),
            ((4,), (2,), [4, 3]),
            ((9,), (0,), [5, 4, 3, 2, 1]),
            ((0,), (), []),
            ((2,), (4,), []),
            ((3,), (3,), []),
        ],
    )
    def test_stays_within_its_bounds(
        self,
        shelf: ThingRepository,
        start: tuple[Any, ...],
        stop: tuple[Any, ...],
        found: list[int],
    ) -> None:
        assert sizes_of(shelf, boxes(start=start, stop=stop)) == found

    def test_is_narrowed_by_other_conditions_and_still_complete(
        self, things: ThingRepository
    ) -> None:
        shelve(things, sizes=list(range(40)))

        found = sizes_of(things, boxes(), where={"size": {"$mod": [10, 3]}})

        assert found == [33, 23, 13, 3]

    def test_reads_no_more_than_it_shows(
        self, things: ThingRepository, profiled: Database[Document]
    ) -> None:
        shelve(things, sizes=[number % 7 for number in range(200)])
        first = things.page(boxes(), after=None, limit=10)
        deep = things.page(boxes(), after=first.next, limit=100)

        things.page(boxes(), after=deep.next, limit=10)

        queries = list(
            profiled.system.profile.find({"op": "query", "ns": things.collection.full_name})
        )
        assert [query["nreturned"] for query in queries] == [11, 101, 11]
        for query in queries:
            # One more is read to know whether there is a next page, one to step over the last.
            assert query["keysExamined"] <= query["nreturned"] + 1
            assert query["docsExamined"] <= query["nreturned"] + 1
            assert query["planSummary"].startswith("IXSCAN")
            assert "hasSortStage" not in query


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


def added(things: ThingRepository, **fields: Any) -> Document:
    """A thing that is there."""
    document = thing(**fields)
    things.insert(document)
    return document


def shelve(things: ThingRepository, *, sizes: list[Any]) -> None:
    """Add a box of each size."""
    things.collection.insert_many([{**thing(size=size), "outbox": []} for size in sizes])


def sizes_of(things: ThingRepository, stretch: Any, *, where: Document | None = None) -> list[Any]:
    """The sizes on all pages of a stretch, two on each."""
    found, after = [], None
    while True:
        page = things.page(stretch, after=after, limit=2, where=where)
        found += [item["size"] for item in page.items]
        after = page.next
        if after is None:
            return found


def stored_of(things: ThingRepository, id: str) -> Document:
    """A thing as it is in the database."""
    stored = things.collection.find_one({"_id": id})
    assert stored is not None
    return stored


def batches(states: list[Document], *, seed: int) -> list[list[Document]]:
    """The states in any order, five at a time."""
    shuffled = Random(seed).sample(states, len(states))  # noqa: S311 - no secret
    return [shuffled[start : start + 5] for start in range(0, len(shuffled), 5)]


def state(id: str, version: int) -> Document:
    """Some event of something."""
    return {"_id": id, "version": version, "total": version * 10}


@pytest.fixture
def shelf(things: ThingRepository) -> ThingRepository:
    """Boxes of the sizes one to five."""
    shelve(things, sizes=[1, 2, 3, 4, 5])
    return things
