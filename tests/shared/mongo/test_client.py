import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from pymongo import IndexModel, MongoClient
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    CursorNotFound,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidName,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WriteError,
)

from shared.document import Document
from shared.events.outbox import OUTBOX_SCHEMA
from shared.local.binaries import find_mongod
from shared.local.ports import LOOPBACK, free_port
from shared.local.servers import mongo_url, mongod_argv
from shared.mongo.client import (
    connect,
    deadline,
    is_outage,
    is_reachable,
    service_database,
    wait_for_primary,
    write_errors,
)
from shared.mongo.collections import Collection, build
from shared.settings import Settings, load
from tests.support.limits import Limits

EMAIL = IndexModel([("email", 1)], name="email", unique=True)


def bulk_error(codes: list[int], *, concern: bool = False) -> BulkWriteError:
    """The error of a bulk write some statements of which failed with these codes."""
    failures = [{"index": at, "code": code, "errmsg": "no"} for at, code in enumerate(codes)]
    unconfirmed = [{"code": 64, "errmsg": "waiting for replication timed out"}] if concern else []
    return BulkWriteError({"writeErrors": failures, "writeConcernErrors": unconfirmed})


class TestConnect:
    def test_reads_times_with_their_zone(self, empty: Database[Document]) -> None:
        noon = datetime(2025, 6, 1, 12, tzinfo=UTC)

        empty.shops.insert_one({"_id": 1, "at": noon})

        assert (empty.shops.find_one() or {})["at"] == noon

    def test_takes_a_write_as_done_when_a_majority_has_it(
        self, client: MongoClient[Document]
    ) -> None:
        assert client.write_concern.document == {"w": "majority"}

    def test_waits_for_any_answer_when_it_is_to_be_patient(self, settings: Settings) -> None:
        with connect(settings) as usual, connect(settings, patient=True) as patient:
            limits = [one.options.pool_options.socket_timeout for one in (usual, patient)]

        assert limits == [30, None]


class TestDatabase:
    def test_is_named_for_the_installation_and_the_service(
        self, client: MongoClient[Document], settings: Settings
    ) -> None:
        assert (
            service_database(client, settings, "orders").name
            == f"{settings.database_prefix}_orders"
        )


class TestBuild:
    def test_says_what_it_creates(self, empty: Database[Document]) -> None:
        changes = list(build(empty, (shops(EMAIL, outbox=True),)))

        assert changes == [
            f"{empty.name}.shops: created",
            f"{empty.name}.shops: index email built",
            f"{empty.name}.shops: index outbox_due built",
        ]

    def test_changes_nothing_the_second_time(self, empty: Database[Document]) -> None:
        partial = IndexModel(
            [("open", 1), ("_id", -1)],
            name="open",
            partialFilterExpression={"open": True},
        )
        old = IndexModel([("at", 1)], name="old", expireAfterSeconds=60)
        declared = (shops(EMAIL, partial, old, outbox=True),)
        list(build(empty, declared))

        assert list(build(empty, declared)) == []

    def test_puts_its_rules_into_force(self, empty: Database[Document]) -> None:
        list(build(empty, (shops(EMAIL, required=["name"]),)))

        with pytest.raises(WriteError):
            empty.shops.insert_one({"email": "a"})
        empty.shops.insert_one({"name": "A", "email": "a"})
        with pytest.raises(DuplicateKeyError):
            empty.shops.insert_one({"name": "B", "email": "a"})

    def test_updates_rules_that_have_changed(self, empty: Database[Document]) -> None:
        list(build(empty, (shops(required=["name"]),)))

        changes = list(build(empty, (shops(required=["title"]),)))

        assert changes == [f"{empty.name}.shops: rules updated"]
        empty.shops.insert_one({"title": "A"})
        with pytest.raises(WriteError):
            empty.shops.insert_one({"name": "A"})

    def test_makes_rules_strict_again(self, empty: Database[Document]) -> None:
        list(build(empty, (shops(required=["name"]),)))
        empty.command("collMod", "shops", validationAction="warn")

        changes = list(build(empty, (shops(required=["name"]),)))

        assert changes == [f"{empty.name}.shops: rules updated"]
        with pytest.raises(WriteError):
            empty.shops.insert_one({})

    def test_adds_an_index_to_what_is_there_already(self, empty: Database[Document]) -> None:
        list(build(empty, (shops(),)))
        empty.shops.insert_one({"email": "a"})

        assert list(build(empty, (shops(EMAIL),))) == [f"{empty.name}.shops: index email built"]
        assert empty.shops.count_documents({}) == 1

    def test_may_be_done_by_several_at_once(self, empty: Database[Document]) -> None:
        declared = (
            shops(EMAIL, outbox=True),
            Collection(name="carts", validator={"total": {"$gte": 0}}),
        )
        together = Barrier(4)

        def run(_: int) -> list[str]:
            together.wait(10)
            return list(build(empty, declared))

        with ThreadPoolExecutor(4) as pool:
            changes = [line for lines in pool.map(run, range(4)) for line in lines]

        assert changes.count(f"{empty.name}.shops: created") == 1
        assert changes.count(f"{empty.name}.carts: created") == 1
        assert list(build(empty, declared)) == []

    def test_keeps_an_outbox_to_its_form(self, empty: Database[Document]) -> None:
        schema = {"properties": {"outbox": OUTBOX_SCHEMA}}
        list(build(empty, (Collection(name="shops", validator={"$jsonSchema": schema}),)))
        entry = {
            "id": "e",
            "to": "others",
            "name": "ShopOpened",
            "schema": 1,
            "data": {},
            "sent": 0,
            "due_at": datetime.now(UTC),
        }

        empty.shops.insert_one({"outbox": [entry]})

        for wrong in ({"sent": -1}, {"due_at": "soon"}, {"to": None}, {"more": 1}):
            with pytest.raises(WriteError):
                empty.shops.insert_one({"outbox": [{**entry, **wrong}]})


class TestWaitForPrimary:
    def test_makes_a_replica_set_of_a_server_that_comes_late(self, tmp_path: Path) -> None:
        port = free_port()
        late = replace(load(), mongo_url=mongo_url(port))
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            time.sleep(seconds)

        waiting = Thread(
            target=wait_for_primary, args=(late,), kwargs={"seconds": 60, "sleep": sleep}
        )
        waiting.start()
        # The server comes only when it has been missed.
        while not waits:
            time.sleep(0.05)
        with bare_mongod(tmp_path, port=port):
            waiting.join(60)

            assert not waiting.is_alive()
            with connect(late) as client:
                client.shop.orders.insert_one({"_id": 1})
                assert client.admin.command("hello")["setName"] == "kith"
                assert client.admin.command("hello")["me"] == f"{LOOPBACK}:{port}"

    def test_does_nothing_to_a_server_that_is_ready(self, settings: Settings) -> None:
        wait_for_primary(settings, seconds=5)

    def test_gives_up_in_the_end(self) -> None:
        nowhere = replace(load(), mongo_url=mongo_url(free_port()))

        with pytest.raises(ConnectionFailure):
            wait_for_primary(nowhere, seconds=0)


class TestIsOutage:
    @pytest.mark.parametrize(
        "error",
        [
            AutoReconnect(),
            NetworkTimeout(),
            ServerSelectionTimeoutError(),
            CursorNotFound("gone"),
            ExecutionTimeout("too slow", 50),
            WriteConcernError("no majority", 64),
            WriteError("stepped down", 189),
            bulk_error([], concern=True),
            bulk_error([11000, 11602]),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_is_so_when_a_write_may_or_may_not_have_been_made(self, error: PyMongoError) -> None:
        assert is_outage(error)

    @pytest.mark.parametrize(
        "error",
        [
            DuplicateKeyError("taken", 11000),
            WriteError("invalid", 121),
            OperationFailure("no such index", 2),
            bulk_error([11000, 121]),
            InvalidName("no"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_is_not_so_when_the_server_has_said_no(self, error: PyMongoError) -> None:
        assert not is_outage(error)


class TestWriteErrors:
    def test_are_what_was_refused(self) -> None:
        assert [one["code"] for one in write_errors(bulk_error([11000, 121]))] == [11000, 121]

    def test_are_not_told_of_a_write_that_nobody_acknowledged(self) -> None:
        with pytest.raises(BulkWriteError):
            write_errors(bulk_error([11000], concern=True))


class TestDeadline:
    def test_is_told_to_the_server_and_over_with_the_block(self, settings: Settings) -> None:
        probe = Limits()

        with connect(settings, listeners=[probe]) as watched:
            with deadline():
                watched.shop.orders.find_one()
            watched.shop.orders.find_one()

        within, after = probe.found
        assert within is not None
        assert 0 < within <= 10_000
        assert after is None


class TestIsReachable:
    def test_is_so_when_the_server_takes_writes(self, client: MongoClient[Document]) -> None:
        assert is_reachable(client)

    def test_is_not_so_when_nobody_answers_and_is_known_soon(self) -> None:
        began = time.monotonic()

        with connect(replace(load(), mongo_url=mongo_url(free_port()))) as client:
            assert not is_reachable(client)

        assert time.monotonic() - began < 5


def shops(
    *indexes: IndexModel, required: list[str] | None = None, outbox: bool = False
) -> Collection:
    """A declared collection."""
    schema: dict[str, Any] = {"bsonType": "object", "required": required or ["_id"]}
    return Collection(
        name="shops", validator={"$jsonSchema": schema}, indexes=indexes, outbox=outbox
    )


@contextmanager
def bare_mongod(directory: Path, *, port: int) -> Iterator[None]:
    """A server that was told to be in a replica set which nobody has made yet."""
    data = directory / "data"
    data.mkdir()
    argv = mongod_argv(find_mongod(), directory=data, log=directory / "log", port=port)
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def empty(client: MongoClient[Document], settings: Settings) -> Iterator[Database[Document]]:
    """A database in which nothing is built."""
    made = service_database(client, settings, "shop")
    yield made
    client.drop_database(made)
