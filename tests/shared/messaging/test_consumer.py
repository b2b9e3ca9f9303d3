"""What a worker does with events that work, fail, kill, come too early, too late, or broken."""

from collections.abc import Callable
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
from shared.messaging.consumer import Hearing, NotNow, is_to_blame
from shared.messaging.inbox import MOST_ATTEMPTS, OLDEST, Inbox
from tests.support.handlers import Heard, Killed, delivery, ids
from tests.support.things import ThingChanged

MakeHearing = Callable[..., Hearing]


class TestHandle:
    def test_gives_a_handler_all_events_of_its_kind_at_once(
        self, make_hearing: MakeHearing, heard: Heard
    ) -> None:
        deliveries = [delivery(1), delivery(2), delivery(3, name="ThingLost"), delivery(4)]

        settled = make_hearing(heard).handle(deliveries)

        assert heard.batches == [[1, 2, 4], ["lost 3"]]
        assert ids(settled) == ids(deliveries)

    def test_does_not_mind_fields_that_it_does_not_know(
        self, make_hearing: MakeHearing, heard: Heard
    ) -> None:
        later = delivery(1, colour="red")

        assert make_hearing(heard).handle([later]) == [later]
        assert heard.batches == [[1]]

    def test_does_not_do_again_what_is_done(self, make_hearing: MakeHearing, heard: Heard) -> None:
        hearing, once = make_hearing(heard), delivery(1)
        hearing.handle([once])

        assert hearing.handle([once]) == [once]
        assert hearing.handle([once, delivery(2)])[0] == once

        assert heard.batches == [[1], [2]]

    def test_bears_one_event_twice_in_a_message(
        self, make_hearing: MakeHearing, heard: Heard
    ) -> None:
        once = delivery(1)

        assert make_hearing(heard).handle([once, once]) == [once, once]

    def test_of_nothing_does_nothing(self, make_hearing: MakeHearing, heard: Heard) -> None:
        assert make_hearing(heard).handle([]) == []


class TestFailure:
    def test_of_a_batch_falls_back_to_one_by_one(
        self, make_hearing: MakeHearing, heard: Heard
    ) -> None:
        heard.failing = {2: ValueError("no")}
        deliveries = [delivery(1), delivery(2), delivery(3)]

        settled = make_hearing(heard).handle(deliveries)

        assert ids(settled) == ids([deliveries[0], deliveries[2]])
        assert heard.batches == [[1], [3]]

    def test_is_tried_again_when_the_event_comes_again(
        self, make_hearing: MakeHearing, heard: Heard
    ) -> None:
        hearing, unlucky = make_hearing(heard), delivery(1)
        heard.failing = {1: ValueError("not yet")}
        assert hearing.handle([unlucky]) == []

        heard.failing = {}

        assert hearing.handle([unlucky]) == [unlucky]
        assert heard.batches == [[1]]

    def test_that_does_not_end_is_parked_while_others_go_on(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        hearing, unlucky = make_hearing(heard), delivery(13)
        heard.failing = {13: ValueError("no")}

        for number in range(MOST_ATTEMPTS - 1):
            another = delivery(number)
            assert hearing.handle([another, unlucky]) == [another]
        assert own.dead_letters.count_documents({}) == 0

        assert ids(hearing.handle([delivery(5), unlucky])) > {unlucky["id"]}
        (letter,) = own.dead_letters.find()
        assert letter["delivery"] == unlucky
        assert letter["error"] == "ValueError: no"

    def test_is_parked_after_five_attempts_and_not_before(
        self, make_hearing: MakeHearing, heard: Heard
    ) -> None:
        hearing, unlucky = make_hearing(heard), delivery(1)
        heard.failing = {1: ValueError("no")}

        settled = [hearing.handle([unlucky]) for _ in range(6)]

        assert settled == [[], [], [], [], [unlucky], [unlucky]]
        assert heard.attempts[1] == 5

    def test_that_is_parked_stays_parked(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        hearing, unlucky = make_hearing(heard), delivery(1)
        heard.failing = {1: ValueError("no")}
        for _ in range(6):
            hearing.handle([unlucky])

        heard.failing = {}

        assert hearing.handle([unlucky]) == [unlucky]
        assert heard.batches == []
        assert own.dead_letters.count_documents({}) == 1

    def test_that_is_parked_is_told_with_its_reason(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        told: list[tuple[str, Any, str]] = []
        hearing = make_hearing(
            heard,
            on_parked=lambda database, event, error: told.append((database.name, event, error)),
        )
        heard.failing = {1: ValueError("no")}

        unlucky = delivery(1)
        for _ in range(MOST_ATTEMPTS):
            hearing.handle([unlucky])

        event = ThingChanged.from_data(unlucky["data"])
        assert told == [(own.name, event, "ValueError: no")]

    def test_with_a_long_story_is_kept_short(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        heard.failing = {1: ValueError("x" * 10_000)}

        make_hearing(heard).handle([delivery(1)])

        assert len((own.inbox.find_one() or {})["error"]) == 500

    def test_by_a_query_that_never_ends_in_time_counts(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        hearing, endless = make_hearing(heard), delivery(1)
        for error in (ExecutionTimeout("too slow"), NetworkTimeout("no answer")):
            heard.failing = {1: error}
            hearing.handle([endless])

        assert (own.inbox.find_one() or {})["attempts"] == 2

    def test_of_the_last_try_by_an_outage_does_not_park(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        hearing, unlucky = make_hearing(heard), delivery(1)
        heard.failing = {1: ValueError("no")}
        for _ in range(MOST_ATTEMPTS - 1):
            hearing.handle([unlucky])
        heard.failing = {1: AutoReconnect()}

        assert hearing.handle([unlucky]) == []
        assert own.dead_letters.count_documents({}) == 0


class TestOutOfTime:
    def test_leaves_the_rest_of_a_message_to_come_again(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        hearing, endless = make_hearing(heard), delivery(2)
        heard.failing = {2: SoftTimeLimitExceeded()}
        together = [delivery(1), endless, delivery(3)]

        assert hearing.handle([delivery(7, name="ThingLost"), *together])[0]["name"] == "ThingLost"
        assert heard.batches == [["lost 7"]]

        # They come again one by one.
        assert [hearing.handle([each]) for each in together] == [[together[0]], [], [together[2]]]
        noted = own.inbox.find_one({"_id": endless["id"]}) or {}
        assert noted["attempts"] == 2
        assert noted["error"].startswith("SoftTimeLimitExceeded: ")


class TestUnreadable:
    @pytest.mark.parametrize(
        ("data", "error"),
        [
            ({}, "ThingChanged.version is missing."),
            ({"size": "1"}, "ThingChanged.size is of a wrong type."),
            ({"size": True}, "ThingChanged.size is of a wrong type."),
            ({"thing_id": None}, "ThingChanged.thing_id is of a wrong type."),
            ({"occurred_at": "now"}, "occurred_at is no time with an offset from UTC."),
            ({"occurred_at": "2026-01-01T00:00:00"}, "occurred_at is no time with an offset"),
        ],
    )
    def test_events_are_parked_at_once_and_keep_nobody_waiting(
        self,
        make_hearing: MakeHearing,
        heard: Heard,
        own: Database[Document],
        data: Document,
        error: str,
    ) -> None:
        odd, fine = delivery(1), delivery(2, name="ThingLost")
        odd["data"] = {**odd["data"], **data} if data else {}
        told: list[str] = []
        hearing = make_hearing(heard, on_parked=lambda _, __, error: told.append(error))

        settled = hearing.handle([odd, fine])

        assert ids(settled) == ids([odd, fine])
        assert heard.batches == [["lost 2"]]
        (letter,) = own.dead_letters.find()
        assert letter["delivery"] == odd
        assert letter["error"].startswith(f"It is malformed: {error}")
        assert own.inbox.count_documents({"_id": odd["id"]}) == 0

    @pytest.mark.parametrize("raw", [5, None, "text", [], {}, {"id": 5}, ["list"]])
    def test_deliveries_are_parked_without_an_id_of_their_own(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document], raw: Any
    ) -> None:
        fine, hearing = delivery(1), make_hearing(heard)

        for _ in range(2):
            hearing.handle([raw, fine])

        (letter,) = own.dead_letters.find()
        assert letter["_id"].startswith("malformed-")
        assert letter["error"].startswith("It is malformed: Delivery")
        assert heard.batches == [[1]]

    @pytest.mark.parametrize("message", [5, None, {"id": "e"}])
    def test_messages_are_parked_whole(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document], message: Any
    ) -> None:
        make_hearing(heard).handle(message)

        assert own.dead_letters.count_documents({}) == 1

    @pytest.mark.parametrize(
        ("newer", "error"),
        [
            ({"name": "NeverHeardOf"}, "EventUnknown: things does not hear NeverHeardOf"),
            ({"schema": 2}, "EventUnknown: ThingChanged has schema 2, and things knows it up to 1"),
        ],
    )
    def test_events_of_a_newer_version_wait_some_tries_for_a_newer_worker(
        self,
        make_hearing: MakeHearing,
        heard: Heard,
        own: Database[Document],
        newer: Document,
        error: str,
    ) -> None:
        hearing, odd = make_hearing(heard), {**delivery(1), **newer}

        settled = [hearing.handle([odd]) for _ in range(MOST_ATTEMPTS)]

        assert settled == [[], [], [], [], [odd]]
        (letter,) = own.dead_letters.find()
        assert letter["error"].startswith(error)


class TestOld:
    def test_events_are_parked_and_not_applied(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        now = datetime.now(UTC)
        old = delivery(1, occurred_at=(now - OLDEST - timedelta(minutes=1)).isoformat())
        young = delivery(2, occurred_at=(now - OLDEST + timedelta(minutes=1)).isoformat())

        settled = make_hearing(heard).handle([old, young])

        assert ids(settled) == ids([old, young])
        assert heard.batches == [[2]]
        (letter,) = own.dead_letters.find()
        assert letter["error"] == (
            "It happened 89 days ago, and whether it was heard is not remembered that long; make "
            "resync tells its state anew."
        )

    def test_events_are_confirmed_if_they_are_still_known_as_done(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        old = delivery(1, occurred_at="2020-01-01T00:00:00Z")
        Inbox(own).count_attempt([old["id"]])
        Inbox(own).mark_done([old["id"]])

        assert make_hearing(heard).handle([old]) == [old]
        assert own.dead_letters.count_documents({}) == 0


class TestDeadLetter:
    def test_that_comes_again_is_forgotten_when_it_has_had_its_effect(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        one, other = delivery(1), delivery(2)
        for each in (one, other):
            Inbox(own).park(each, "x")
        Inbox(own).count_attempt([other["id"]])
        Inbox(own).mark_done([other["id"]])
        again = [{**each, "collection": "dead_letters"} for each in (one, other)]

        settled = make_hearing(heard).handle(again)

        assert ids(settled) == ids(again)
        assert heard.batches == [[1]]
        assert own.dead_letters.count_documents({}) == 0


class TestRequest:
    def test_is_known_to_the_handler_and_to_the_logs(
        self, make_hearing: MakeHearing, heard: Heard
    ) -> None:
        asked = {**delivery(1), "request_id": "r1"}

        make_hearing(heard).handle([asked])

        assert heard.requests == ["r1"]
        assert "request_id" not in structlog.contextvars.get_contextvars()


class TestIsToBlame:
    def test_no_event_for_a_server_that_hangs(self) -> None:
        nobody = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200"

        with MongoClient[Document](nobody) as client:
            assert not is_to_blame(NetworkTimeout(), client)


class TestDeath:
    def test_of_the_worker_counts_against_nobody_but_its_cause(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        heard.failing = {2: Killed()}
        message = [delivery(1), delivery(2), delivery(3)]

        # Redis hands the whole message out again each time.
        for _ in range(MOST_ATTEMPTS):
            with pytest.raises(Killed):
                make_hearing(heard).handle(message)

        assert ids(make_hearing(heard).handle(message)) == ids(message)
        assert sorted(heard.batches) == [[1], [3]]
        assert [letter["_id"] for letter in own.dead_letters.find()] == [message[1]["id"]]

    def test_of_the_worker_holds_others_up_no_longer_than_twice(
        self, make_hearing: MakeHearing, heard: Heard
    ) -> None:
        heard.failing = {1: Killed()}
        message = [delivery(1), delivery(2), delivery(3)]

        for _ in range(3):
            with pytest.raises(Killed):
                make_hearing(heard).handle(message)

        assert sorted(heard.batches) == [[2], [3]]

    def test_is_counted_though_nothing_was_noted_of_it(
        self, make_hearing: MakeHearing, heard: Heard, own: Database[Document]
    ) -> None:
        heard.failing = {1: Killed()}
        deadly = delivery(1)
        for _ in range(MOST_ATTEMPTS):
            with pytest.raises(Killed):
                make_hearing(heard).handle([deadly])

        assert make_hearing(heard).handle([deadly]) == [deadly]

        (letter,) = own.dead_letters.find()
        assert letter["error"] == "its worker died or ran out of time"


class TestNotNow:
    @pytest.mark.parametrize(
        "reason",
        [NotNow("later"), AutoReconnect(), ServerSelectionTimeoutError(), WaitQueueTimeoutError()],
        ids=lambda reason: type(reason).__name__,
    )
    def test_does_not_count_as_an_attempt(
        self,
        make_hearing: MakeHearing,
        heard: Heard,
        own: Database[Document],
        reason: Exception,
    ) -> None:
        hearing, early = make_hearing(heard), delivery(1)
        heard.failing = {1: reason}

        settled = [hearing.handle([early]) for _ in range(3 * MOST_ATTEMPTS)]
        heard.failing = {}

        assert settled == [[]] * 3 * MOST_ATTEMPTS
        assert hearing.handle([early]) == [early]
        assert own.dead_letters.count_documents({}) == 0

    def test_holds_nobody_else_up(self, make_hearing: MakeHearing, heard: Heard) -> None:
        heard.failing = {1: NotNow("later")}
        early, fine = delivery(1), delivery(2)

        assert make_hearing(heard).handle([early, fine]) == [fine]
