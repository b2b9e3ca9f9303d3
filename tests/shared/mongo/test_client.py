"""Clients of a real server, and of servers that are late, away, or not yet a replica set."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from pymongo import MongoClient
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
from shared.local.binaries import find_mongod
from shared.local.mongod import mongo_url, mongod_argv
from shared.local.ports import LOOPBACK, free_port
from shared.mongo.client import (
    connect,
    deadline,
    is_outage,
    is_reachable,
    service_database,
    wait_for_primary,
    write_errors,
)
from shared.settings import Settings, load
from tests.support.limits import Limits


def bulk_error(codes: list[int], *, concern: bool = False) -> BulkWriteError:
    """The error of a bulk write some statements of which failed with these codes."""
    failures = [{"index": at, "code": code, "errmsg": "no"} for at, code in enumerate(codes)]
    unconfirmed = [{"code": 64, "errmsg": "waiting for replication timed out"}] if concern else []
    return BulkWriteError({"writeErrors": failures, "writeConcernErrors": unconfirmed})


class TestConnect:
    def test_reads_times_with_their_zone(self, database: Database[Document]) -> None:
        noon = datetime(2025, 6, 1, 12, tzinfo=UTC)

        database.times.insert_one({"_id": 1, "at": noon})

        assert (database.times.find_one() or {})["at"] == noon

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
