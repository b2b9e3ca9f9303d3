import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from pymongo.database import Database

from shared.document import Document
from shared.messaging import receipts
from shared.messaging.relay import Relay
from shared.settings import Settings
from tests.support.handlers import RecordingHandlers
from tests.support.queues import Message
from tests.support.thing_worker import DEADLY, FAILING, PLANTED
from tests.support.things import ThingRepository, changed, lost, thing

Process = subprocess.Popen[bytes]
Messages = Callable[[str], list[Message]]


class TestTasks:
    def test_take_an_event_out_of_its_outbox_when_it_is_dealt_with(
        self,
        make_worker: Callable[[str], Celery],
        relay: Relay,
        things: ThingRepository,
        handled: RecordingHandlers,
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
            receipts.confirm(
                things.collection.database,
                receipt.kwargs["receipts"],
                subscriber=receipt.kwargs["hearer"],
            )

        assert handled.batches == [[f"lost {lamp['_id']}"]]
        assert waiting(things) == []

    def test_send_a_receipt_for_what_is_done_already(
        self,
        make_worker: Callable[[str], Celery],
        relay: Relay,
        things: ThingRepository,
        handled: RecordingHandlers,
        messages: Messages,
    ) -> None:
        others = make_worker("others")
        lamp = thing()
        things.insert(lamp, lost(lamp))
        relay.send_due(soon())
        relay.send_due(soon() + timedelta(seconds=31))

        for message in messages("others"):
            others.tasks["others.receive"].run(**message.kwargs)
        answers = messages("things")
        receipts.confirm(
            things.collection.database,
            answers[-1].kwargs["receipts"],
            subscriber=answers[-1].kwargs["hearer"],
        )

        assert len(answers) == 2
        assert len(handled.batches) == 1
        assert waiting(things) == []

    def test_send_no_receipt_for_what_failed(
        self,
        make_worker: Callable[[str], Celery],
        relay: Relay,
        things: ThingRepository,
        handled: RecordingHandlers,
        messages: Messages,
    ) -> None:
        others = make_worker("others")
        lamp = thing(size=13)
        things.insert(lamp, changed(lamp))
        handled.failing = {13: ValueError("no")}
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


class TestProcess:
    def test_confirms_what_it_has_done_and_outlives_what_kills_it(
        self, worker: Process, relay: Relay, database: Database[Document], things: ThingRepository
    ) -> None:
        lamp = add(things, size=1)
        relay.send_due(soon())
        assert eventually(lambda: subscribers_of(things, lamp) == ["others"])

        # Three in one message, one of which ends the process that handles it.
        for size in (1, DEADLY, 3):
            add(things, size=size)
        relay.send_due(soon())

        assert eventually(
            lambda: database.inbox.count_documents({"done_at": {"$exists": True}}) == 3
        )
        assert database.inbox.count_documents({}) == 4
        assert worker.poll() is None

    def test_repeats_no_value_in_its_log(
        self,
        worker: Process,
        worker_log: Path,
        relay: Relay,
        celery: Celery,
        database: Database[Document],
        things: ThingRepository,
    ) -> None:
        planted: Document = {"deliveries": [{"id": PLANTED}], PLANTED: PLANTED}
        celery.send_task("things.unknown", kwargs=planted, queue="things")
        celery.send_task("things.receive", kwargs=planted, queue="things")
        celery.send_task("things.receive", args=[PLANTED] * 3, queue="things")
        celery.send_task("things.receive", args=[[{"name": PLANTED, "id": 5}]], queue="things")
        celery.send_task("things.confirm", args=[PLANTED, PLANTED], queue="things")
        add(things, size=FAILING)
        relay.send_due(soon())

        assert eventually(lambda: database.inbox.count_documents({"error": {"$exists": True}}) == 1)
        assert eventually(lambda: "Received unregistered task" in worker_log.read_text())
        assert eventually(lambda: worker_log.read_text().count("raised unexpected") == 2)
        assert eventually(lambda: database.dead_letters.count_documents({}) == 2)
        assert PLANTED not in worker_log.read_text()
        assert "ValueError in die_of_it (tests/support/thing_worker.py:" in worker_log.read_text()
        assert worker.poll() is None

    def test_waits_for_room_in_a_redis_that_is_full(
        self, lamp: str, full: redis.Redis, worker: Process, relay: Relay, things: ThingRepository
    ) -> None:
        # It can take a message, but not note that it has it.
        assert eventually(lambda: refusals(full) >= 1)

        full.config_set("maxmemory", 0)
        relay.send_due(soon() + timedelta(hours=1))

        assert eventually(lambda: subscribers_of(things, lamp) == ["others"])
        assert worker.poll() is None


def waiting(things: ThingRepository) -> list[str]:
    """The names of the events that still wait for a receipt."""
    return [entry["name"] for found in things.collection.find() for entry in found["outbox"]]


def add(things: ThingRepository, *, size: int) -> str:
    """The id of a new thing, whose event waits."""
    made = thing(size=size)
    things.insert(made, changed(made))
    return str(made["_id"])


def subscribers_of(things: ThingRepository, id: str) -> list[str]:
    """The subscribers that have not yet confirmed the events of a thing."""
    found = things.collection.find_one({"_id": id}) or {}
    return [entry["to"] for entry in found["outbox"]]


def soon() -> datetime:
    """A time at which all that was just added is due."""
    return datetime.now(UTC) + timedelta(seconds=1)


def refusals(broker: redis.Redis) -> int:
    """The number of commands that Redis has refused for want of memory since it was made full."""
    counted: Any = broker.info("errorstats")
    return int(counted.get("errorstat_OOM", {"count": 0})["count"])


def eventually(holds: Callable[[], bool], *, seconds: float = 30) -> bool:
    """True if it holds within some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def lamp(things: ThingRepository, relay: Relay) -> str:
    """A thing whose event is in the queue."""
    made = add(things, size=1)
    relay.send_due(soon())
    return made


@pytest.fixture
def full(broker: redis.Redis) -> Iterator[redis.Redis]:
    """Redis without any room, until it is given some."""
    broker.config_resetstat()
    broker.config_set("maxmemory", 1)
    yield broker
    broker.config_set("maxmemory", 0)


@pytest.fixture
def worker_log(tmp_path: Path) -> Path:
    """What the worker writes."""
    return tmp_path / "worker.log"


@pytest.fixture
def worker(
    database: Database[Document], broker: redis.Redis, wired: Settings, worker_log: Path
) -> Iterator[Process]:
    """A worker of the made-up service, as a process of its own."""
    assert database.list_collection_names()
    assert broker.ping()
    environment = {
        **os.environ,
        "MONGO_URL": wired.mongo_url,
        "REDIS_URL": wired.redis_url,
        "DATABASE_PREFIX": wired.database_prefix,
    }
    with worker_log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.thing_worker"],
            cwd=Path(__file__).parents[3],
            env=environment,
            stdout=log,
            stderr=log,
        )
    yield process
    process.terminate()
    assert process.wait(20) == 0
