"""Events that work, fail, kill their worker, come too early, too late, or malformed."""

from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from celery.exceptions import SoftTimeLimitExceeded
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    ExecutionTimeout,
    NetworkTimeout,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from shared.document import Document
from shared.local.ports import free_port
from shared.messaging.consumer import Consumer, RetryLater, is_to_blame
from shared.messaging.inbox import MAX_AGE, Inbox
from shared.messaging.retries import MAX_ATTEMPTS
from tests.support.handlers import Killed, RecordingHandlers, delivery, ids, sealed
from tests.support.things import ThingChanged

MakeConsumer = Callable[..., Consumer]


class TestHandle:
    def test_gives_a_handler_all_events_of_its_kind_at_once(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        deliveries = [delivery(1), delivery(2), delivery(3, name="ThingLost"), delivery(4)]

        settled = make_consumer(handled).handle(deliveries)

        assert handled.batches == [[1, 2, 4], ["lost 3"]]
        assert ids(settled) == ids(deliveries)

    def test_does_not_mind_fields_that_it_does_not_know(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        later = delivery(1, colour="red")

        assert make_consumer(handled).handle([later]) == [later]
        assert handled.batches == [[1]]

    def test_does_not_do_again_what_is_done(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        consumer, once = make_consumer(handled), delivery(1)
        consumer.handle([once])

        assert consumer.handle([once]) == [once]
        assert consumer.handle([once, delivery(2)])[0] == once

        assert handled.batches == [[1], [2]]

    def test_bears_one_event_twice_in_a_message(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        once = delivery(1)

        assert make_consumer(handled).handle([once, once]) == [once, once]

    def test_of_nothing_does_nothing(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        assert make_consumer(handled).handle([]) == []


class TestFailure:
    def test_of_a_batch_falls_back_to_one_by_one(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        handled.failing = {2: ValueError("no")}
        deliveries = [delivery(1), delivery(2), delivery(3)]

        settled = make_consumer(handled).handle(deliveries)

        assert ids(settled) == ids([deliveries[0], deliveries[2]])
        assert handled.batches == [[1], [3]]

    def test_is_tried_again_when_the_event_comes_again(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        consumer, unlucky = make_consumer(handled), delivery(1)
        handled.failing = {1: ValueError("not yet")}
        assert consumer.handle([unlucky]) == []

        handled.failing = {}

        assert consumer.handle([unlucky]) == [unlucky]
        assert handled.batches == [[1]]

    def test_that_does_not_end_is_dead_lettered_while_others_go_on(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        consumer, unlucky = make_consumer(handled), delivery(13)
        handled.failing = {13: ValueError("no")}

        for number in range(MAX_ATTEMPTS - 1):
            another = delivery(number)
            assert consumer.handle([another, unlucky]) == [another]
        assert database.dead_letters.count_documents({}) == 0

        assert ids(consumer.handle([delivery(5), unlucky])) > {unlucky["id"]}
        (letter,) = database.dead_letters.find()
        assert letter["delivery"] == unlucky
        assert letter["error"].startswith("ValueError in on_changed (tests/support/handlers.py:")

    def test_is_dead_lettered_after_five_attempts_and_not_before(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        consumer, unlucky = make_consumer(handled), delivery(1)
        handled.failing = {1: ValueError("no")}

        settled = [consumer.handle([unlucky]) for _ in range(6)]

        assert settled == [[], [], [], [], [unlucky], [unlucky]]
        assert handled.attempts[1] == 5

    def test_that_is_dead_lettered_is_never_handled_again(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        consumer, unlucky = make_consumer(handled), delivery(1)
        handled.failing = {1: ValueError("no")}
        for _ in range(6):
            consumer.handle([unlucky])

        handled.failing = {}

        assert consumer.handle([unlucky]) == [unlucky]
        assert handled.batches == []
        assert database.dead_letters.count_documents({}) == 1

    def test_that_is_dead_lettered_is_handed_on_with_its_reason(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        handed_on: list[tuple[str, Any, str]] = []
        consumer = make_consumer(
            handled,
            on_dead_letter=lambda database, event, error: handed_on.append(
                (database.name, event, error)
            ),
        )
        handled.failing = {1: ValueError("no")}

        unlucky = delivery(1)
        for _ in range(MAX_ATTEMPTS):
            consumer.handle([unlucky])

        event = ThingChanged.from_data(unlucky["data"])
        letter = database.dead_letters.find_one() or {}
        assert handed_on == [(database.name, event, letter["error"])]

    def test_is_kept_without_what_it_says(
        self,
        make_consumer: MakeConsumer,
        handled: RecordingHandlers,
        database: Database[Document],
        log: list[MutableMapping[str, Any]],
    ) -> None:
        handled.failing = {1: ValueError("ann@example.com")}

        for _ in range(MAX_ATTEMPTS):
            make_consumer(handled).handle([failing := delivery(1, id="e")])

        assert "ann@" not in str([list(database.inbox.find()), list(database.dead_letters.find())])
        assert {entry["event_id"] for entry in log} == {failing["id"]}

    def test_by_a_query_that_never_ends_in_time_counts(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        consumer, endless = make_consumer(handled), delivery(1)
        for error in (ExecutionTimeout("too slow"), NetworkTimeout("no answer")):
            handled.failing = {1: error}
            consumer.handle([endless])

        assert (database.inbox.find_one() or {})["attempts"] == 2

    def test_of_the_last_try_by_an_outage_makes_no_dead_letter(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        consumer, unlucky = make_consumer(handled), delivery(1)
        handled.failing = {1: ValueError("no")}
        for _ in range(MAX_ATTEMPTS - 1):
            consumer.handle([unlucky])
        handled.failing = {1: AutoReconnect()}

        assert consumer.handle([unlucky]) == []
        assert database.dead_letters.count_documents({}) == 0


class TestOutOfTime:
    def test_leaves_the_rest_of_a_message_to_come_again(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        consumer, endless = make_consumer(handled), delivery(2)
        handled.failing = {2: SoftTimeLimitExceeded()}
        together = [delivery(1), endless, delivery(3)]

        assert consumer.handle([delivery(7, name="ThingLost"), *together])[0]["name"] == "ThingLost"
        assert handled.batches == [["lost 7"]]

        # They come again one by one.
        assert [consumer.handle([each]) for each in together] == [[together[0]], [], [together[2]]]
        noted = database.inbox.find_one({"_id": endless["id"]}) or {}
        assert noted["attempts"] == 2
        assert noted["error"].startswith("SoftTimeLimitExceeded")


class TestUnreadable:
    @pytest.mark.parametrize(
        ("data", "error"),
        [
            ({}, "ThingChanged: Object missing required field `version`"),
            ({"size": "1"}, "ThingChanged: Expected `int`, got `str` - at `$.size`"),
            ({"size": True}, "ThingChanged: Expected `int`, got `bool` - at `$.size`"),
            ({"thing_id": None}, "ThingChanged: Expected `str`, got `null` - at `$.thing_id`"),
            ({"occurred_at": "now"}, "occurred_at is no time with an offset from UTC."),
            ({"occurred_at": "2026-01-01T00:00:00"}, "occurred_at is no time with an offset"),
        ],
    )
    def test_events_are_dead_lettered_at_once_and_keep_nobody_waiting(
        self,
        make_consumer: MakeConsumer,
        handled: RecordingHandlers,
        database: Database[Document],
        data: Document,
        error: str,
    ) -> None:
        odd, fine = delivery(1), delivery(2, name="ThingLost")
        odd = sealed({**odd, "data": {**odd["data"], **data} if data else {}})
        handed_on: list[str] = []
        consumer = make_consumer(
            handled, on_dead_letter=lambda _, __, error: handed_on.append(error)
        )

        settled = consumer.handle([odd, fine])

        assert ids(settled) == ids([odd, fine])
        assert handled.batches == [["lost 2"]]
        (letter,) = database.dead_letters.find()
        assert letter["delivery"] == odd
        assert letter["error"].startswith(f"It is malformed: {error}")
        assert database.inbox.count_documents({"_id": odd["id"]}) == 0

    @pytest.mark.parametrize("raw", [{}, {"id": 5}, {"sender": []}])
    def test_deliveries_are_dead_lettered_without_an_id_of_their_own(
        self,
        make_consumer: MakeConsumer,
        handled: RecordingHandlers,
        database: Database[Document],
        raw: Any,
    ) -> None:
        fine, consumer = delivery(1), make_consumer(handled)

        for _ in range(2):
            consumer.handle([sealed(raw), fine])

        (letter,) = database.dead_letters.find()
        assert letter["_id"].startswith("malformed-")
        assert letter["error"].startswith("It is malformed: Delivery")
        assert handled.batches == [[1]]

    @pytest.mark.parametrize("message", [5, None, {"id": "e"}])
    def test_messages_are_dead_lettered_whole(
        self,
        make_consumer: MakeConsumer,
        handled: RecordingHandlers,
        database: Database[Document],
        message: Any,
    ) -> None:
        make_consumer(handled).handle(message)

        assert database.dead_letters.count_documents({}) == 1

    @pytest.mark.parametrize(
        ("newer", "error"),
        [
            ({"name": "SomethingNew"}, "EventUnknown: things does not handle SomethingNew"),
            ({"schema": 2}, "EventUnknown: ThingChanged has schema 2, and things knows it up to 1"),
        ],
    )
    def test_events_of_a_newer_version_wait_some_tries_for_a_newer_worker(
        self,
        make_consumer: MakeConsumer,
        handled: RecordingHandlers,
        database: Database[Document],
        newer: Document,
        error: str,
    ) -> None:
        consumer, odd = make_consumer(handled), sealed({**delivery(1), **newer})

        settled = [consumer.handle([odd]) for _ in range(MAX_ATTEMPTS)]

        assert settled == [[], [], [], [], [odd]]
        (letter,) = database.dead_letters.find()
        assert letter["error"].startswith(error)


class TestOld:
    def test_events_are_dead_lettered_and_not_applied(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        now = datetime.now(UTC)
        old = delivery(1, occurred_at=(now - MAX_AGE - timedelta(minutes=1)).isoformat())
        young = delivery(2, occurred_at=(now - MAX_AGE + timedelta(minutes=1)).isoformat())

        settled = make_consumer(handled).handle([old, young])

        assert ids(settled) == ids([old, young])
        assert handled.batches == [[2]]
        (letter,) = database.dead_letters.find()
        assert letter["error"] == (
            "It happened 89 days ago, and the inbox no longer knows whether it was handled; make "
            "resync republishes its document's state."
        )

    def test_events_are_confirmed_if_they_are_still_known_as_done(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        old = delivery(1, occurred_at="2020-01-01T00:00:00Z")
        Inbox(database).count_attempt([old["id"]])
        Inbox(database).mark_done([old["id"]])

        assert make_consumer(handled).handle([old]) == [old]
        assert database.dead_letters.count_documents({}) == 0


class TestDeadLetter:
    def test_that_comes_again_is_forgotten_when_it_has_had_its_effect(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        one, other = delivery(1), delivery(2)
        for each in (one, other):
            Inbox(database).dead_letter(each, "x")
        Inbox(database).count_attempt([other["id"]])
        Inbox(database).mark_done([other["id"]])
        again = [sealed({**each, "collection": "dead_letters"}) for each in (one, other)]

        settled = make_consumer(handled).handle(again)

        assert ids(settled) == ids(again)
        assert handled.batches == [[1]]
        assert database.dead_letters.count_documents({}) == 0


class TestRequest:
    def test_is_known_to_the_handler_and_to_the_logs(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        asked = sealed({**delivery(1), "request_id": "r1"})

        make_consumer(handled).handle([asked])

        assert handled.requests == ["r1"]
        assert "request_id" not in structlog.contextvars.get_contextvars()


class TestIsToBlame:
    @pytest.mark.slow
    def test_no_event_for_a_server_that_hangs(self) -> None:
        nobody = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200"

        with MongoClient[Document](nobody) as client:
            assert not is_to_blame(NetworkTimeout(), client)


class TestDeath:
    def test_of_the_worker_counts_against_nobody_but_its_cause(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        handled.failing = {2: Killed()}
        message = [delivery(1), delivery(2), delivery(3)]

        # Redis hands the whole message out again each time.
        for _ in range(MAX_ATTEMPTS):
            with pytest.raises(Killed):
                make_consumer(handled).handle(message)

        assert ids(make_consumer(handled).handle(message)) == ids(message)
        assert sorted(handled.batches) == [[1], [3]]
        assert [letter["_id"] for letter in database.dead_letters.find()] == [message[1]["id"]]

    def test_of_the_worker_holds_others_up_no_longer_than_twice(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        handled.failing = {1: Killed()}
        message = [delivery(1), delivery(2), delivery(3)]

        for _ in range(3):
            with pytest.raises(Killed):
                make_consumer(handled).handle(message)

        assert sorted(handled.batches) == [[2], [3]]

    def test_is_counted_though_nothing_was_noted_of_it(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        handled.failing = {1: Killed()}
        deadly = delivery(1)
        for _ in range(MAX_ATTEMPTS):
            with pytest.raises(Killed):
                make_consumer(handled).handle([deadly])

        assert make_consumer(handled).handle([deadly]) == [deadly]

        (letter,) = database.dead_letters.find()
        assert letter["error"] == "its worker died or ran out of time"


class TestRetryLater:
    @pytest.mark.parametrize(
        "reason",
        [
            RetryLater("later"),
            AutoReconnect(),
            ServerSelectionTimeoutError(),
            WaitQueueTimeoutError(),
        ],
        ids=lambda reason: type(reason).__name__,
    )
    def test_does_not_count_as_an_attempt(
        self,
        make_consumer: MakeConsumer,
        handled: RecordingHandlers,
        database: Database[Document],
        reason: Exception,
    ) -> None:
        consumer, early = make_consumer(handled), delivery(1)
        handled.failing = {1: reason}

        settled = [consumer.handle([early]) for _ in range(3 * MAX_ATTEMPTS)]
        handled.failing = {}

        assert settled == [[]] * 3 * MAX_ATTEMPTS
        assert consumer.handle([early]) == [early]
        assert database.dead_letters.count_documents({}) == 0

    def test_holds_nobody_else_up(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        handled.failing = {1: RetryLater("later")}
        early, fine = delivery(1), delivery(2)

        assert make_consumer(handled).handle([early, fine]) == [fine]
