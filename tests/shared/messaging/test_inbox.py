"""The inbox: attempts, what is done, dead letters, and the rules of their collections."""

from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import WriteError

from shared.document import Document
from shared.messaging.inbox import Inbox, Recalled
from shared.messaging.retries import MAX_ATTEMPTS


class TestRecall:
    def test_takes_for_fresh_what_is_not_known(self, inbox: Inbox) -> None:
        assert inbox.recall([delivery("a"), delivery("b")]) == recalled(
            fresh=[delivery("a"), delivery("b")]
        )

    def test_tells_done_from_fresh_from_tried_from_spent(self, inbox: Inbox) -> None:
        inbox.count_attempt(["done", "tried"])
        inbox.mark_done(["done"])
        for _ in range(MAX_ATTEMPTS):
            inbox.count_attempt(["spent"])

        found = inbox.recall([delivery(id) for id in ("tried", "spent", "new", "done")])

        assert found == recalled(
            done=[delivery("done")],
            fresh=[delivery("new")],
            again=[(delivery("tried"), 1)],
            spent=[(delivery("spent"), "its worker died or ran out of time")],
        )

    def test_gives_the_least_tried_first(self, inbox: Inbox) -> None:
        for id in ("a", "b", "b", "b", "c", "c"):
            inbox.count_attempt([id])

        found = inbox.recall([delivery(id) for id in ("b", "c", "a")])

        assert [(each["id"], attempts) for each, attempts in found.again] == [
            ("a", 1),
            ("c", 2),
            ("b", 3),
        ]

    def test_says_why_the_last_attempt_failed(self, inbox: Inbox) -> None:
        for _ in range(MAX_ATTEMPTS):
            inbox.count_attempt(["failed"])
        inbox.mark_failed("failed", "ValueError: no")

        assert inbox.recall([delivery("failed")]).spent == [(delivery("failed"), "ValueError: no")]

    def test_does_not_call_spent_what_was_done_in_the_end(self, inbox: Inbox) -> None:
        for _ in range(MAX_ATTEMPTS):
            inbox.count_attempt(["a"])
        inbox.mark_done(["a"])

        assert inbox.recall([delivery("a")]) == recalled(done=[delivery("a")])


class TestUncountAttempt:
    def test_takes_one_back(self, inbox: Inbox) -> None:
        inbox.count_attempt(["a"])
        inbox.count_attempt(["a"])

        inbox.uncount_attempt("a")

        assert inbox.recall([delivery("a")]).again == [(delivery("a"), 1)]

    def test_does_not_go_below_nothing(self, inbox: Inbox) -> None:
        inbox.count_attempt(["a"])

        for _ in range(3):
            inbox.uncount_attempt("a")

        assert inbox.recall([delivery("a")]).fresh == [delivery("a")]


class TestMarkDone:
    def test_forgets_earlier_failures(self, inbox: Inbox, database: Database[Document]) -> None:
        inbox.count_attempt(["a"])
        inbox.mark_failed("a", "ValueError: no")

        inbox.mark_done(["a"])

        assert "error" not in (database.inbox.find_one({"_id": "a"}) or {})

    def test_is_forgotten_by_the_server_in_the_end(self, database: Database[Document]) -> None:
        index = database.inbox.index_information()["forget_done"]

        assert index["expireAfterSeconds"] == 90 * 24 * 3600


class TestDeadLetter:
    def test_keeps_the_delivery_and_the_reason(
        self, inbox: Inbox, database: Database[Document]
    ) -> None:
        inbox.dead_letter(delivery("a"), "ValueError: no")

        (letter,) = database.dead_letters.find()
        assert letter["delivery"] == delivery("a")
        assert letter["error"] == "ValueError: no"

    def test_twice_keeps_what_came_first_and_the_last_reason(
        self, inbox: Inbox, database: Database[Document]
    ) -> None:
        inbox.dead_letter(delivery("a"), "first")
        (before,) = database.dead_letters.find()
        inbox.dead_letter({**delivery("a"), "collection": "dead_letters"}, "second")

        (letter,) = database.dead_letters.find()
        assert letter == {**before, "error": "second"}


class TestForgetDeadLetters:
    def test_forgets_those_that_were_redelivered(
        self, inbox: Inbox, database: Database[Document]
    ) -> None:
        for id in ("a", "b", "c"):
            inbox.dead_letter(delivery(id), "no")

        inbox.forget_dead_letters([delivery("a", "dead_letters"), delivery("b")])

        assert {letter["_id"] for letter in database.dead_letters.find()} == {"b", "c"}


class TestRules:
    @pytest.mark.parametrize(
        "wrong",
        [{"_id": 5}, {"attempts": -1}, {"attempts": "1"}, {"done_at": True}, {"more": 1}],
    )
    def test_refuse_what_is_no_entry(
        self, database: Database[Document], wrong: dict[str, Any]
    ) -> None:
        Inbox(database).count_attempt(["a"])
        entry = database.inbox.find_one({"_id": "a"}) or {}

        with pytest.raises(WriteError):
            database.inbox.insert_one({**entry, "_id": "b", **wrong})


def delivery(id: str, collection: str = "things") -> Document:
    """A delivery as it came."""
    return {"id": id, "name": "ThingLost", "collection": collection, "data": {"thing_id": "t"}}


def recalled(**groups: Any) -> Recalled:
    """The inbox's answer; groups that are not given are empty."""
    return Recalled(**{"done": [], "fresh": [], "again": [], "spent": [], **groups})


@pytest.fixture
def inbox(database: Database[Document]) -> Inbox:
    """The made-up service's inbox."""
    return Inbox(database)
