import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError, WaitQueueTimeoutError

from shared import outbox
from shared.claims import free_port
from shared.database import Document, build, database
from shared.identifiers import new_id
from shared.inbox import MOST_ATTEMPTS
from shared.messages import create_celery
from shared.outbox import Relay
from shared.servers import redis_url
from shared.settings import Settings
from shared.worker import Handler, Hearing, NotNow, Subscriptions, create_worker, send_receipts
from tests.shared.queues import Message, take_messages
from tests.shared.thing_worker import DEADLY
from tests.shared.things import (
    COLLECTIONS,
    ThingChanged,
    ThingLost,
    ThingRepository,
    changed,
    lost,
    thing,
)

Process = subprocess.Popen[bytes]
Messages = Callable[[str], list[Message]]


class TestHandle:
    def test_gives_a_handler_all_events_of_its_kind_at_once(
        self, make_hearing: "MakeHearing", heard: "Heard"
    ) -> None:
        deliveries = [delivery(1), delivery(2), delivery(3, name="ThingLost"), delivery(4)]

        settled = make_hearing(heard).handle(deliveries)

        assert heard.batches == [[1, 2, 4], ["lost 3"]]
        assert ids(settled) == ids(deliveries)

    def test_does_not_mind_fields_that_it_does_not_know(
        self, make_hearing: "MakeHearing", heard: "Heard"
    ) -> None:
        later = delivery(1, colour="red")

        assert make_hearing(heard).handle([later]) == [later]
        assert heard.batches == [[1]]

    def test_does_not_do_again_what_is_done(
        self, make_hearing: "MakeHearing", heard: "Heard"
    ) -> None:
        hearing, once = make_hearing(heard), delivery(1)
        hearing.handle([once])

        assert hearing.handle([once]) == [once]
        assert hearing.handle([once, delivery(2)])[0] == once

        assert heard.batches == [[1], [2]]

    def test_bears_one_event_twice_in_a_message(
        self, make_hearing: "MakeHearing", heard: "Heard"
    ) -> None:
        once = delivery(1)

        assert make_hearing(heard).handle([once, once]) == [once, once]

    def test_of_nothing_does_nothing(self, make_hearing: "MakeHearing", heard: "Heard") -> None:
        assert make_hearing(heard).handle([]) == []


class TestFailure:
    def test_of_a_batch_falls_back_to_one_by_one(
        self, make_hearing: "MakeHearing", heard: "Heard"
    ) -> None:
        heard.failing = {2: ValueError("no")}
        deliveries = [delivery(1), delivery(2), delivery(3)]

        settled = make_hearing(heard).handle(deliveries)

        assert ids(settled) == ids([deliveries[0], deliveries[2]])
        assert heard.batches == [[1], [3]]

    def test_is_tried_again_when_the_event_comes_again(
        self, make_hearing: "MakeHearing", heard: "Heard"
    ) -> None:
        hearing, unlucky = make_hearing(heard), delivery(1)
        heard.failing = {1: ValueError("not yet")}
        assert hearing.handle([unlucky]) == []

        heard.failing = {}

        assert hearing.handle([unlucky]) == [unlucky]
        assert heard.batches == [[1]]

    def test_that_does_not_end_is_parked_while_others_go_on(
        self, make_hearing: "MakeHearing", heard: "Heard", own: Database[Document]
    ) -> None:
        hearing, unlucky = make_hearing(heard), delivery(13)
        heard.failing = {13: ValueError("no")}

        for number in range(MOST_ATTEMPTS):
            another = delivery(number)
            assert hearing.handle([another, unlucky]) == [another]
        assert heard.attempts[13] >= MOST_ATTEMPTS
        tried = heard.attempts[13]

        assert hearing.handle([unlucky]) == [unlucky]
        assert heard.attempts[13] == tried
        (letter,) = own.dead_letters.find()
        assert letter["delivery"] == unlucky
        assert letter["error"] == "ValueError: no"

    def test_is_parked_after_five_attempts_and_not_before(
        self, make_hearing: "MakeHearing", heard: "Heard"
    ) -> None:
        hearing, unlucky = make_hearing(heard), delivery(1)
        heard.failing = {1: ValueError("no")}

        settled = [hearing.handle([unlucky]) for _ in range(6)]

        assert settled == [[], [], [], [], [], [unlucky]]
        assert heard.attempts[1] == 5

    def test_that_is_parked_stays_parked(
        self, make_hearing: "MakeHearing", heard: "Heard", own: Database[Document]
    ) -> None:
        hearing, unlucky = make_hearing(heard), delivery(1)
        heard.failing = {1: ValueError("no")}
        for _ in range(6):
            hearing.handle([unlucky])

        heard.failing = {}

        assert hearing.handle([unlucky]) == [unlucky]
        assert heard.batches == []
        assert own.dead_letters.count_documents({}) == 1

    @pytest.mark.parametrize(
        "unreadable",
        [{"name": "NeverHeardOf"}, {"data": {}}, {"data": {"thing_id": "t"}}],
        ids=["unknown name", "no data", "half the data"],
    )
    def test_to_read_an_event_is_parked_like_any_other(
        self,
        make_hearing: "MakeHearing",
        heard: "Heard",
        own: Database[Document],
        unreadable: Document,
    ) -> None:
        told: list[str] = []
        hearing = make_hearing(heard, on_parked=lambda _, __, error: told.append(error))
        odd, fine = {**delivery(1), **unreadable}, delivery(2)

        assert hearing.handle([odd, fine]) == [fine]
        settled = [hearing.handle([odd]) for _ in range(MOST_ATTEMPTS)]

        assert settled[-1] == [odd]
        assert own.dead_letters.count_documents({}) == 1
        assert told == []

    def test_that_is_parked_is_told_with_its_reason(
        self, make_hearing: "MakeHearing", heard: "Heard", own: Database[Document]
    ) -> None:
        told: list[tuple[str, Any, str]] = []
        hearing = make_hearing(
            heard,
            on_parked=lambda database, event, error: told.append((database.name, event, error)),
        )
        heard.failing = {1: ValueError("no")}

        for _ in range(6):
            hearing.handle([delivery(1, id="e")])

        event = ThingChanged(thing_id="t", size=1, version=1, occurred_at="now")
        assert told == [(own.name, event, "ValueError: no")]

    def test_with_a_long_story_is_kept_short(
        self, make_hearing: "MakeHearing", heard: "Heard", own: Database[Document]
    ) -> None:
        heard.failing = {1: ValueError("x" * 10_000)}

        make_hearing(heard).handle([delivery(1)])

        assert len((own.inbox.find_one() or {})["error"]) == 500


class TestDeath:
    def test_of_the_worker_counts_against_nobody_but_its_cause(
        self, make_hearing: "MakeHearing", heard: "Heard", own: Database[Document]
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
        self, make_hearing: "MakeHearing", heard: "Heard"
    ) -> None:
        heard.failing = {1: Killed()}
        message = [delivery(1), delivery(2), delivery(3)]

        for _ in range(3):
            with pytest.raises(Killed):
                make_hearing(heard).handle(message)

        assert sorted(heard.batches) == [[2], [3]]

    def test_is_counted_though_nothing_was_noted_of_it(
        self, make_hearing: "MakeHearing", heard: "Heard", own: Database[Document]
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
        make_hearing: "MakeHearing",
        heard: "Heard",
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

    def test_holds_nobody_else_up(self, make_hearing: "MakeHearing", heard: "Heard") -> None:
        heard.failing = {1: NotNow("later")}
        early, fine = delivery(1), delivery(2)

        assert make_hearing(heard).handle([early, fine]) == [fine]


class TestTasks:
    def test_take_an_event_out_of_its_outbox_when_it_is_dealt_with(
        self,
        make_worker: Callable[[str], Celery],
        relay: Relay,
        things: ThingRepository,
        heard: "Heard",
        messages: Messages,
    ) -> None:
        others = make_worker("others")
        lamp = thing(size=7)
        things.insert(lamp, lost(lamp))
        relay.send_due(soon())

        for message in messages("others"):
            others.tasks["others.receive"].run(**message.kwargs)
        assert waiting(things) == ["ThingLost"]
        for receipt in messages("things"):
            outbox.confirm(things.collection.database, **receipt.kwargs)

        assert heard.batches == [[f"lost {lamp['_id']}"]]
        assert waiting(things) == []

    def test_send_a_receipt_for_what_is_done_already(
        self,
        make_worker: Callable[[str], Celery],
        relay: Relay,
        things: ThingRepository,
        heard: "Heard",
        messages: Messages,
    ) -> None:
        others = make_worker("others")
        lamp = thing()
        things.insert(lamp, lost(lamp))
        relay.send_due(soon())
        relay.send_due(soon() + timedelta(seconds=31))

        for message in messages("others"):
            others.tasks["others.receive"].run(**message.kwargs)
        receipts = messages("things")
        outbox.confirm(things.collection.database, **receipts[-1].kwargs)

        assert len(receipts) == 2
        assert len(heard.batches) == 1
        assert waiting(things) == []

    def test_send_no_receipt_for_what_failed(
        self,
        make_worker: Callable[[str], Celery],
        relay: Relay,
        things: ThingRepository,
        heard: "Heard",
        messages: Messages,
    ) -> None:
        others = make_worker("others")
        lamp = thing(size=13)
        things.insert(lamp, changed(lamp))
        heard.failing = {13: ValueError("no")}
        relay.send_due(soon())

        for message in messages("others"):
            others.tasks["others.receive"].run(**message.kwargs)

        assert [message.task for message in messages("things")] == ["things.receive"]
        assert waiting(things) == ["ThingChanged", "ThingChanged"]

    def test_belong_to_their_own_worker_alone(self, make_worker: Callable[[str], Celery]) -> None:
        first, again, other = (make_worker(service) for service in ("others", "others", "things"))

        assert first.tasks["others.receive"].run is not again.tasks["others.receive"].run
        assert "others.receive" not in other.tasks

    def test_take_nothing_but_json(self, make_worker: Callable[[str], Celery]) -> None:
        assert make_worker("others").conf.accept_content == ["json"]


class TestSendReceipts:
    def test_sends_one_message_to_each_sender(
        self, make_worker: Callable[[str], Celery], messages: Messages
    ) -> None:
        settled = [delivery(1), delivery(2), delivery(3, sender="orders")]

        send_receipts(make_worker("others"), settled, hearer="others")

        (to_things,) = messages("things")
        (to_orders,) = messages("orders")
        assert to_things.task == "things.confirm"
        assert to_things.kwargs == {
            "receipts": [["things", each["document_id"], each["id"]] for each in settled[:2]],
            "hearer": "others",
        }
        assert len(to_orders.kwargs["receipts"]) == 1

    def test_bears_a_broker_that_is_away(self, settings: Settings) -> None:
        gone = replace(settings, redis_url=redis_url(free_port()))

        with create_celery("others", gone) as celery:
            send_receipts(celery, [delivery(1)], hearer="others")


class TestProcess:
    def test_confirms_what_it_has_done_and_outlives_what_kills_it(
        self, worker: Process, relay: Relay, own: Database[Document], things: ThingRepository
    ) -> None:
        lamp = add(things, size=1)
        relay.send_due(soon())
        assert eventually(lambda: hearers_of(things, lamp) == ["others"])

        # Three in one message, one of which ends the process that handles it.
        for size in (1, DEADLY, 3):
            add(things, size=size)
        relay.send_due(soon())

        assert eventually(lambda: own.inbox.count_documents({"done_at": {"$exists": True}}) == 3)
        assert own.inbox.count_documents({}) == 4
        assert worker.poll() is None


class Killed(BaseException):
    """The end of a process, as far as one process can play it."""


class Heard:
    """Handlers that note what they were given, and fail where they are told to."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.failing: dict[Any, BaseException] = {}
        self.attempts: dict[Any, int] = {}

    def join(self, _: Database[Document]) -> dict[type[Any], Handler]:
        """Who hears what."""
        return {ThingChanged: self.on_changed, ThingLost: self.on_lost}

    def on_changed(self, events: Sequence[ThingChanged]) -> None:
        """Note the sizes."""
        for event in events:
            self.attempts[event.size] = self.attempts.get(event.size, 0) + 1
            if event.size in self.failing:
                raise self.failing[event.size]
        self.batches.append([event.size for event in events])

    def on_lost(self, events: Sequence[ThingLost]) -> None:
        """Note the ids."""
        self.batches.append([f"lost {event.thing_id}" for event in events])


MakeHearing = Callable[..., Hearing]


def delivery(
    size: int,
    *,
    id: str | None = None,
    name: str = "ThingChanged",
    sender: str = "things",
    **data: Any,
) -> Document:
    """An event as it comes out of a queue."""
    usual = {"thing_id": "t", "size": size, "version": 1, "occurred_at": "now"}
    if name == "ThingLost":
        usual = {"thing_id": str(size), "version": 1, "occurred_at": "now"}
    return {
        "id": id or new_id(),
        "name": name,
        "schema": 1,
        "sender": sender,
        "collection": "things",
        "document_id": new_id(),
        "data": {**usual, **data},
    }


def ids(deliveries: list[Document]) -> set[str]:
    """The ids of the events, in whatever order they were dealt with."""
    return {each["id"] for each in deliveries}


def waiting(things: ThingRepository) -> list[str]:
    """The names of the events that still wait for a receipt."""
    return [entry["name"] for found in things.collection.find() for entry in found["outbox"]]


def add(things: ThingRepository, *, size: int) -> str:
    """The id of a new thing, which has told of itself."""
    made = thing(size=size)
    things.insert(made, changed(made))
    return str(made["_id"])


def hearers_of(things: ThingRepository, id: str) -> list[str]:
    """Who has not yet confirmed the events of a thing."""
    found = things.collection.find_one({"_id": id}) or {}
    return [entry["to"] for entry in found["outbox"]]


def soon() -> datetime:
    """A time at which all that was just added is due."""
    return datetime.now(UTC) + timedelta(seconds=1)


def eventually(holds: Callable[[], bool], *, seconds: float = 30) -> bool:
    """Whether it holds within some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def heard() -> Heard:
    """What the handlers were given."""
    return Heard()


@pytest.fixture
def make_hearing(own: Database[Document], settings: Settings) -> Iterator[MakeHearing]:
    """`make_hearing(heard)`: what a new worker process of the made-up service has."""
    made: list[Hearing] = []

    def make(heard: Heard, **options: Any) -> Hearing:
        made.append(Hearing("things", settings, heard.join, **options))
        assert made[-1].database == own
        return made[-1]

    yield make
    for hearing in made:
        hearing.database.client.close()


@pytest.fixture
def make_worker(
    client: MongoClient[Document], wired: Settings, heard: Heard
) -> Iterator[Callable[[str], Celery]]:
    """`make_worker(service)`: the tasks of a service that hears all there is."""
    databases: list[Database[Document]] = []
    made: list[Celery] = []

    def make(service: str) -> Celery:
        list(build(database(client, wired, service), COLLECTIONS))

        def join(own: Database[Document]) -> Subscriptions:
            databases.append(own)
            return heard.join(own)

        made.append(create_worker(service, wired, join))
        return made[-1]

    yield make
    for celery in made:
        celery.close()
    for own in databases:
        client.drop_database(own.name)
        own.client.close()


@pytest.fixture
def relay(own: Database[Document], celery: Celery, broker: redis.Redis, wired: Settings) -> Relay:
    """The relay of the made-up service."""
    return Relay(
        "things",
        own,
        ("things",),
        hearers=("others", "things"),
        celery=celery,
        broker=broker,
        settings=wired,
    )


@pytest.fixture
def messages(broker: redis.Redis, wired: Settings) -> Messages:
    """`messages(queue)`: take out what waits in a queue."""
    return lambda queue: take_messages(broker, wired, queue)


@pytest.fixture
def worker(own: Database[Document], broker: redis.Redis, wired: Settings) -> Iterator[Process]:
    """A worker of the made-up service, as a process of its own."""
    assert own.list_collection_names()
    assert broker.ping()
    environment = {
        **os.environ,
        "MONGO_URL": wired.mongo_url,
        "REDIS_URL": wired.redis_url,
        "DATABASE_PREFIX": wired.database_prefix,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.shared.thing_worker"],
        cwd=Path(__file__).parents[2],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.terminate()
    assert process.wait(20) == 0
