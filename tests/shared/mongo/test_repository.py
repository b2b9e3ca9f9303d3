"""Inserts, versioned changes and the outbox of a repository, on the real server."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, WriteError

from shared.document import Document
from shared.errors import Stale
from shared.idempotency import CreationRequest, IdempotencyKeyReused
from tests.support.things import ThingRepository, changed, lost, thing

REQUEST = CreationRequest("ann:once", "body")


class Sealed(ThingRepository):
    """Things whose size may change, and nothing else."""

    changing = ("size",)


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


class TestInsertOfARequest:
    def test_answers_with_what_callers_see(self, things: ThingRepository) -> None:
        lamp = thing(note="secret")

        answer = things.insert(lamp, request=REQUEST)

        assert answer == things.get(lamp["_id"])
        assert "note" not in answer

    def test_answers_a_repeat_as_it_was_answered_first(self, things: ThingRepository) -> None:
        lamp = thing(size=1)
        first = things.insert(lamp, lost(lamp), request=REQUEST)
        things.change(lamp["_id"], {"size": 2}, version=1)

        again = things.insert(thing(size=1), request=REQUEST)

        assert again == things.first_answer(REQUEST) == first
        assert things.collection.count_documents({}) == 1

    def test_answers_with_the_fields_in_one_order(self, things: ThingRepository) -> None:
        lamp = dict(reversed(thing(size=1).items()))

        first = things.insert(lamp, request=REQUEST)

        assert list(things.insert(lamp, request=REQUEST)) == list(first)

    def test_keeps_no_more_than_may_change(self, database: Database[Document]) -> None:
        things = Sealed(database)

        first = things.insert(thing(size=1), request=REQUEST)

        assert stored_of(things, first["_id"])["request"]["first"] == {"size": 1}
        assert things.insert(thing(kind="bag"), request=REQUEST) == first

    def test_refuses_the_key_to_another_body(self, things: ThingRepository) -> None:
        things.insert(thing(), request=REQUEST)

        with pytest.raises(IdempotencyKeyReused):
            things.insert(thing(), request=CreationRequest(REQUEST.key, "other"))

    def test_refuses_what_another_request_has_taken(self, things: ThingRepository) -> None:
        lamp = thing()
        things.insert(lamp)

        with pytest.raises(DuplicateKeyError):
            things.insert(lamp, request=REQUEST)

    def test_knows_no_answer_to_a_request_that_never_came(self, things: ThingRepository) -> None:
        assert things.first_answer(None) is None
        assert things.first_answer(REQUEST) is None


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


def added(things: ThingRepository, **fields: Any) -> Document:
    """A thing that is there."""
    document = thing(**fields)
    things.insert(document)
    return document


def stored_of(things: ThingRepository, id: str) -> Document:
    """A thing as it is in the database."""
    stored = things.collection.find_one({"_id": id})
    assert stored is not None
    return stored
