import time
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import redis
from bson import Decimal128
from kombu.exceptions import OperationalError
from pymongo.database import Database

from shared.document import Document
from shared.local.output import Console
from shared.local.ports import free_port
from shared.local.redis_server import redis_server, redis_url
from shared.local.servers import start
from shared.local.supervisor import Supervisor
from shared.messaging.broker import BATCH, broker_client, create_celery, queue_key
from shared.messaging.claims import DOCUMENTS_AT_ONCE
from shared.messaging.relay import QUEUE_LIMIT, RECEIPT_LIMIT, Relay
from shared.settings import Settings
from tests.support.queues import messages_in
from tests.support.things import EVENTS, ThingRepository, added, changed, lost, thing, waiting

Queue = Callable[[str], list[list[Document]]]
Log = list[MutableMapping[str, Any]]


class TestSendDue:
    def test_publishes_what_waits_to_each_subscriber(
        self, relay: Relay, things: ThingRepository, queue: Queue, due: datetime
    ) -> None:
        lamp = thing(size=3)
        things.insert(lamp, changed(lamp))

        assert relay.send_due(due) == 2

        ((to_others,),) = queue("others")
        ((to_things,),) = queue("things")
        # Each is for one subscriber, and so is its signature.
        assert to_others.pop("signature") != to_things.pop("signature")
        assert (
            to_others
            == to_things
            == {
                "id": to_others["id"],
                "name": "ThingChanged",
                "schema": 1,
                "sender": "things",
                "collection": "things",
                "document_id": lamp["_id"],
                "data": {
                    "thing_id": lamp["_id"],
                    "size": 3,
                    "version": 1,
                    "occurred_at": to_others["data"]["occurred_at"],
                    "actor": None,
                    "via": None,
                    "batch": None,
                },
                "request_id": None,
            }
        )

    def test_sends_no_event_that_it_does_not_know(
        self,
        make_relay: Callable[..., Relay],
        things: ThingRepository,
        queue: Queue,
        due: datetime,
        log: list[MutableMapping[str, Any]],
    ) -> None:
        """Nobody here can say what in it is private; a newer relay will."""
        added(things, 3)
        things.collection.update_one({}, {"$set": {"outbox.0.name": "SomethingNew"}})

        make_relay().send_due(due)

        ((*sent,),) = queue("others")
        assert [one["name"] for one in sent] == ["ThingLost"] * 2
        assert [entry["event"] for entry in log] == ["events_unknown"]
        assert len(waiting(things)) == 3

    def test_leaves_an_event_where_it_is_until_its_receipt(
        self, relay: Relay, things: ThingRepository, due: datetime
    ) -> None:
        added(things, 1)

        relay.send_due(due)

        (entry,) = waiting(things)
        assert entry["sent"] == 1
        assert 30 <= (entry["due_at"] - due).total_seconds() < 31

    def test_sends_nothing_twice_at_once(
        self, relay: Relay, things: ThingRepository, due: datetime
    ) -> None:
        added(things, 3)

        assert [relay.send_due(due) for _ in range(3)] == [3, 0, 0]

    def test_sends_again_what_is_not_confirmed_in_time(
        self, relay: Relay, things: ThingRepository, queue: Queue, due: datetime
    ) -> None:
        added(things, 1)
        relay.send_due(due)

        assert relay.send_due(due + timedelta(seconds=29.9)) == 0
        assert relay.send_due(due + timedelta(seconds=31)) == 1

        ((first,), (again,)) = queue("others")
        assert again == first

    def test_waits_longer_the_second_time_and_never_more_than_a_minute(
        self, relay: Relay, things: ThingRepository, due: datetime
    ) -> None:
        added(things, 1)
        waits = []

        for _ in range(7):
            relay.send_due(due)
            (entry,) = waiting(things)
            waits.append((entry["due_at"] - due).total_seconds())
            due = entry["due_at"]

        # Each with up to a second by which relays tell their claims apart.
        assert [int(wait) for wait in waits] == [30, 60, 60, 60, 60, 60, 60]

    def test_sends_nothing_before_it_is_due(
        self, relay: Relay, things: ThingRepository, due: datetime
    ) -> None:
        added(things, 1)

        assert relay.send_due(due - timedelta(minutes=5)) == 0

    def test_sends_of_a_document_only_what_is_due(
        self, relay: Relay, things: ThingRepository, queue: Queue, due: datetime
    ) -> None:
        (lamp,) = added(things, 1)
        relay.send_due(due)
        things.change(lamp["_id"], {"size": 2}, changed(lamp), version=1)

        assert relay.send_due(due) == 2

        assert [[each["name"] for each in message] for message in queue("others")] == [
            ["ThingLost"],
            ["ThingChanged"],
        ]

    def test_sends_many_in_one_message(
        self, relay: Relay, things: ThingRepository, queue: Queue, due: datetime
    ) -> None:
        added(things, BATCH + 1)

        relay.send_due(due)

        assert sorted(len(message) for message in queue("others")) == [1, BATCH]

    def test_sends_with_few_what_was_sent_before_and_then_alone(
        self, relay: Relay, things: ThingRepository, queue: Queue, due: datetime
    ) -> None:
        added(things, 12)
        relay.send_due(due)
        added(things, 2)

        relay.send_due(due + timedelta(seconds=31))
        assert [len(message) for message in queue("others")] == [12, 10, 2, 2]

        relay.send_due(due + timedelta(seconds=93))
        assert [len(message) for message in queue("others")][4:] == [1] * 12 + [2]

    def test_keeps_the_order_of_one_documents_events(
        self, relay: Relay, things: ThingRepository, queue: Queue, due: datetime
    ) -> None:
        lamp = thing()
        things.insert(lamp, changed(lamp), lost(lamp))

        relay.send_due(due)

        (message,) = queue("others")
        assert [delivery["name"] for delivery in message] == ["ThingChanged", "ThingLost"]

    def test_reads_no_more_than_it_can_send(
        self, relay: Relay, things: ThingRepository, profiled: Database[Document], due: datetime
    ) -> None:
        # Much more may wait, after an outage, than is sent at one time.
        added(things, DOCUMENTS_AT_ONCE + 100)

        relay.send_due(due)

        reads = list(profiled.system.profile.find({"op": {"$in": ["query", "getmore"]}}))
        assert sum(read["docsExamined"] for read in reads) == DOCUMENTS_AT_ONCE
        assert not any("hasSortStage" in read for read in reads)

    def test_does_not_look_at_what_waits_for_its_receipt(
        self, relay: Relay, things: ThingRepository, profiled: Database[Document], due: datetime
    ) -> None:
        added(things, 200)
        relay.send_due(due)
        profiled.command("profile", 0)
        profiled.system.profile.drop()
        added(things, 3)
        profiled.command("profile", 2)

        assert relay.send_due(due) == 3

        reads = list(profiled.system.profile.find({"op": "query"}))
        assert sum(read["docsExamined"] for read in reads) == 3
        assert sum(read["keysExamined"] for read in reads) <= 4

    def test_sends_the_oldest_first(
        self, relay: Relay, things: ThingRepository, due: datetime
    ) -> None:
        added(things, DOCUMENTS_AT_ONCE + 5)
        newest = {entry["id"] for entry in waiting(things)[-5:]}

        relay.send_due(due)

        assert {entry["id"] for entry in waiting(things) if entry["sent"] == 0} == newest

    def test_of_two_relays_sends_everything(
        self,
        relay: Relay,
        make_relay: Callable[[], Relay],
        things: ThingRepository,
        queue: Queue,
        due: datetime,
    ) -> None:
        added(things, 120)
        relays = [relay, make_relay()]

        with ThreadPoolExecutor(2) as pool:
            sent = list(pool.map(lambda each: each.send_due(due), relays))

        everything = {entry["id"] for entry in waiting(things)}
        assert {delivery["id"] for message in queue("others") for delivery in message} == everything
        # At worst some goes twice; neither waits for the other, nor counts for it.
        assert 120 <= sum(sent) <= 240
        assert relay.send_due(due) == 0

    def test_of_a_document_that_breaks_the_rules_holds_nobody_up(
        self,
        relay: Relay,
        things: ThingRepository,
        database: Database[Document],
        queue: Queue,
        log: Log,
        due: datetime,
    ) -> None:
        added(things, 3)
        broken = waiting(things)[0]["id"]
        database.command("collMod", "things", validationLevel="off")
        database.things.update_one({"outbox.id": broken}, {"$unset": {"kind": ""}})
        database.command("collMod", "things", validationLevel="strict")

        sent = [relay.send_due(due), relay.send_due(due)]

        assert sent == [2, 0]
        (message,) = queue("others")
        assert broken not in {delivery["id"] for delivery in message}
        # It is found again at every look.
        assert logged(log, "events_not_claimable") == 1


class TestQueueLimit:
    def test_holds_back_what_a_busy_worker_cannot_take(
        self, relay: Relay, things: ThingRepository, fill: Callable[..., None], due: datetime
    ) -> None:
        added(things, 1)
        fill("others", QUEUE_LIMIT)

        assert relay.send_due(due) == 0

        (entry,) = waiting(things)
        assert entry["sent"] == 0
        assert entry["due_at"] <= due

    def test_lets_go_on_when_there_is_room(
        self, relay: Relay, things: ThingRepository, fill: Callable[..., None], due: datetime
    ) -> None:
        added(things, 1)
        fill("others", QUEUE_LIMIT - 1)

        assert relay.send_due(due) == 1

    def test_asks_for_no_more_receipts_while_nobody_takes_them(
        self, relay: Relay, things: ThingRepository, fill: Callable[..., None], due: datetime
    ) -> None:
        added(things, 1)
        fill("things", RECEIPT_LIMIT)

        assert relay.send_due(due) == 0

        (entry,) = waiting(things)
        assert (entry["sent"], entry["due_at"] <= due) == (0, True)

    def test_goes_on_when_most_receipts_were_taken(
        self, relay: Relay, things: ThingRepository, fill: Callable[..., None], due: datetime
    ) -> None:
        added(things, 1)
        fill("things", RECEIPT_LIMIT - 1)

        assert relay.send_due(due) == 1

    def test_of_one_holds_nobody_else_back(
        self,
        relay: Relay,
        things: ThingRepository,
        fill: Callable[..., None],
        queue: Queue,
        due: datetime,
    ) -> None:
        lamp = thing()
        things.insert(lamp, changed(lamp))
        fill("others", QUEUE_LIMIT)

        assert relay.send_due(due) == 1

        assert len(queue("things")) == 1

    def test_of_one_does_not_hide_what_waits_for_another(
        self,
        relay: Relay,
        things: ThingRepository,
        fill: Callable[..., None],
        profiled: Database[Document],
        queue: Queue,
        due: datetime,
    ) -> None:
        added(things, DOCUMENTS_AT_ONCE + 5)
        lamp = thing()
        things.insert(lamp, changed(lamp))
        fill("others", QUEUE_LIMIT)

        assert relay.send_due(due) == 1

        assert len(queue("things")) == 1
        (read,) = profiled.system.profile.find({"op": "query"})
        assert (read["keysExamined"], read["docsExamined"], read["nreturned"]) == (1, 1, 1)


class TestOutage:
    def test_of_the_broker_claims_nothing(
        self, far: Relay, things: ThingRepository, due: datetime
    ) -> None:
        added(things, 1)

        with pytest.raises(redis.ConnectionError):
            far.send_due(due)

        (entry,) = waiting(things)
        assert entry["sent"] == 0

    def test_of_a_full_broker_leaves_everything_due(
        self,
        far: Relay,
        far_settings: Settings,
        things: ThingRepository,
        tmp_path: Path,
        due: datetime,
    ) -> None:
        added(things, BATCH + 20)
        before = waiting(things)
        with redis_on(far_settings, tmp_path), broker_client(far_settings) as client:
            client.config_set("maxmemory", 1)
            with pytest.raises(OperationalError, match="maxmemory"):
                far.send_due(due)
            assert waiting(things) == before

            client.config_set("maxmemory", 0)

            assert far.send_due(due) == BATCH + 20
            # Together, for none of them was ever sent.
            assert client.llen(queue_key(far_settings, "others")) == 2

    def test_of_a_full_broker_is_waited_out(
        self,
        far: Relay,
        far_settings: Settings,
        things: ThingRepository,
        running: Callable[[Relay], None],
        log: Log,
        tmp_path: Path,
    ) -> None:
        added(things, 1)
        with redis_on(far_settings, tmp_path), broker_client(far_settings) as client:
            client.config_set("maxmemory", 1)
            running(far)
            assert becomes(partial(logged, log, "relay_waits"), 1)

            client.config_set("maxmemory", 0)

            assert becomes(partial(client.llen, queue_key(far_settings, "others")), 1)
            assert becomes(partial(logged, log, "relay_recovered"), 1)

    def test_of_the_broker_is_waited_out_and_logged_once(
        self,
        far: Relay,
        far_settings: Settings,
        things: ThingRepository,
        running: Callable[[Relay], None],
        log: Log,
        tmp_path: Path,
    ) -> None:
        added(things, 1)
        running(far)

        for outages in (1, 2):
            assert becomes(partial(logged, log, "relay_waits"), outages)
            with redis_on(far_settings, tmp_path), broker_client(far_settings) as client:
                # What was published before is in Redis' file; the other is sent now.
                assert becomes(partial(client.llen, queue_key(far_settings, "others")), outages)
                assert becomes(partial(logged, log, "relay_recovered"), outages)
            added(things, 1)


class TestUnsendable:
    def test_events_keep_no_others_from_being_sent(
        self, relay: Relay, things: ThingRepository, queue: Queue, log: Log, due: datetime
    ) -> None:
        (lamp,) = added(things, 1)
        relay.send_due(due)
        # No event of ours has such a value; JSON has none for it.
        things.collection.update_one(
            {"_id": lamp["_id"]}, {"$set": {"outbox.0.data.size": Decimal128("1")}}
        )
        added(things, 2)

        assert relay.send_due(due + timedelta(seconds=31)) == 3

        assert [len(message) for message in queue("others")] == [1, 2]
        assert logged(log, "events_not_sendable") == 1
        assert len(waiting(things)) == 3


class TestRun:
    def test_ends_with_its_reason_in_the_log_when_it_cannot_go_on(
        self, make_relay: Callable[..., Relay], log: Log
    ) -> None:
        relay = make_relay(collections=(5,))

        with pytest.raises(TypeError):
            relay.run(Event())

        assert logged(log, "relay_failed") == 1

    def test_sends_until_it_is_stopped(
        self,
        relay: Relay,
        things: ThingRepository,
        running: Callable[[Relay], None],
        queue: Queue,
    ) -> None:
        running(relay)

        added(things, 1)
        assert becomes(lambda: len(queue("others")), 1)
        added(things, 1)
        assert becomes(lambda: len(queue("others")), 2)

    def test_stops_at_once(self, relay: Relay) -> None:
        stop = Event()
        thread = Thread(target=relay.run, args=(stop,))
        thread.start()

        stop.set()
        thread.join(5)

        assert not thread.is_alive()


def logged(log: Log, event: str) -> int:
    """The number of times that this was logged."""
    return sum(entry["event"] == event for entry in log)


def becomes(read: Callable[[], object], value: object, *, seconds: float = 15) -> bool:
    """True if it has this value within some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if read() == value:
            return True
        time.sleep(0.05)
    return False


@contextmanager
def redis_on(settings: Settings, directory: Path) -> Iterator[None]:
    """A Redis where these settings look for it, with what it held before."""
    port = int(settings.redis_url.rpartition(":")[2].partition("/")[0])
    with Supervisor(Console(StringIO())) as supervisor:
        start([redis_server(directory, port=port)], supervisor=supervisor)
        yield


@pytest.fixture
def queue(broker: redis.Redis, wired: Settings) -> Queue:
    """`queue(name)`: the deliveries of each message in a queue, the oldest first."""

    def read(name: str) -> list[list[Document]]:
        found = messages_in(broker, wired, name)
        assert all(message.task == f"{name}.receive" for message in found)
        return [message.kwargs["deliveries"] for message in found]

    return read


@pytest.fixture
def fill(broker: redis.Redis, wired: Settings) -> Callable[..., None]:
    """`fill(queue, count)`: put messages in a queue that nobody takes out."""

    def put(name: str, count: int) -> None:
        broker.rpush(queue_key(wired, name), *["message"] * count)

    return put


@pytest.fixture
def far_settings(settings: Settings) -> Settings:
    """Settings that name a Redis which is not there yet."""
    return replace(settings, redis_url=redis_url(free_port()))


@pytest.fixture
def far(database: Database[Document], far_settings: Settings) -> Iterator[Relay]:
    """A relay whose Redis is not there yet."""
    with create_celery("things", far_settings) as celery, broker_client(far_settings) as client:
        yield Relay(
            "things",
            database,
            ("things",),
            events=EVENTS,
            subscribers=("others", "things"),
            celery=celery,
            broker=client,
            settings=far_settings,
        )


@pytest.fixture
def running() -> Iterator[Callable[[Relay], None]]:
    """`running(relay)`: let it run until the test is over."""
    stop = Event()
    threads: list[Thread] = []

    def run(relay: Relay) -> None:
        threads.append(Thread(target=relay.run, args=(stop,)))
        threads[-1].start()

    yield run
    stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
