import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from pymongo import MongoClient

from shared.local import mongod, redis_server, servers
from shared.local.output import Console
from shared.local.ports import free_port
from shared.local.supervisor import Command, Supervisor


class TestStart:
    def test_servers_that_are_killed_come_back_on_their_data(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        mongo_port, redis_port = free_port(), free_port()
        database = mongod.mongod(tmp_path, port=mongo_port)
        store = redis_server.redis_server(tmp_path, port=redis_port)
        servers.start([database, store], supervisor=supervisor)
        with client_of(mongod.mongo_url(mongo_port)) as client:
            client.shop.orders.insert_one({"_id": 1})
        with redis.Redis(port=redis_port) as queue:
            queue.set("key", "value")

        for name in ("mongod", "redis"):
            os.kill(supervisor.pid(name) or 0, signal.SIGKILL)
        supervisor.wait(1)
        settle(supervisor, database, store)

        with client_of(mongod.mongo_url(mongo_port)) as client:
            assert client.shop.orders.find_one() == {"_id": 1}
        with redis.Redis(port=redis_port) as queue:
            assert queue.get("key") == b"value"

    def test_gives_up_on_a_server_that_does_not_become_ready(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        silent = stand_in(tmp_path, "import time; time.sleep(60)", answers=lambda: False)

        with pytest.raises(servers.ServerFailed) as failure:
            servers.start([silent], supervisor=supervisor, patience=0.1)

        assert str(failure.value).startswith("server is not ready after 0.1 s. ")

    def test_gives_up_on_a_server_that_ends_without_a_word(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        ending = stand_in(tmp_path, "pass", answers=lambda: False)

        with pytest.raises(servers.ServerFailed) as failure:
            servers.start([ending], supervisor=supervisor)

        assert str(failure.value).startswith("server does not start: it left no log. ")


class TestCause:
    def test_is_the_first_error_of_mongod(self) -> None:
        lines = [
            json.dumps({"s": "I", "msg": "Starting"}),
            json.dumps({"s": "E", "msg": "Error", "attr": {"error": {"errmsg": "port in use"}}}),
            json.dumps({"s": "F", "msg": "Aborting", "attr": {"error": "what follows"}}),
        ]

        assert servers.cause(lines) == "Error: port in use"
        assert servers.cause(lines[2:]) == "Aborting: what follows"

    def test_is_the_last_warning_of_redis(self) -> None:
        lines = ["7:M 01 Jan # Starting", "7:M 01 Jan # Bad file", "7:M 01 Jan * Bye"]

        assert servers.cause(lines) == "Bad file"

    def test_may_be_unknown(self) -> None:
        assert servers.cause(["something", ""]) == "it left no reason"


def stand_in(place: Path, code: str, *, answers: Callable[[], bool]) -> servers.Server:
    """A server that is none: it runs Python code."""
    return servers.Server(
        command=Command(name="server", argv=(sys.executable, "-c", code)),
        directory=place / "data",
        log=place / "log",
        variable="SERVER_URL",
        answers=answers,
    )


def client_of(url: str) -> MongoClient[dict[str, Any]]:
    """A client that gives up soon."""
    return MongoClient(url, serverSelectionTimeoutMS=5000)


def settle(supervisor: Supervisor, *started: servers.Server) -> None:
    """Let the supervisor work until all servers answer."""
    deadline = time.monotonic() + 20
    while not all(server.answers() for server in started):
        assert time.monotonic() < deadline, "the servers did not come back in 20 s"
        supervisor.wait(0.1)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """A supervisor that stops everything after the test."""
    with Supervisor(Console(StringIO())) as made:
        yield made
