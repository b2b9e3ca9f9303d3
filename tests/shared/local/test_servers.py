import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from pymongo import MongoClient

from shared.local import servers
from shared.local.output import Console
from shared.local.ports import LOOPBACK, free_port
from shared.local.supervisor import Command, Supervisor


class TestMongodArgv:
    def test_holds_what_must_not_be_left_to_the_defaults(self) -> None:
        argv = servers.mongod_argv(
            Path("/bin/mongod"), directory=Path("/d"), log=Path("/l"), port=1
        )

        line = " ".join(argv)
        assert line.startswith("/bin/mongod --dbpath /d --port 1 --bind_ip 127.0.0.1 ")
        assert "--networkMessageCompressors snappy,zstd" in line
        assert "--replSet kith" in line
        assert "--nounixsocket" in line


class TestRunningMongod:
    def test_keeps_its_data_and_takes_writes_when_the_port_has_changed(
        self, tmp_path: Path
    ) -> None:
        home = tmp_path / "a folder"

        with servers.running_mongod(home) as url, client_of(url) as client:
            client.shop.orders.insert_one({"_id": 1})
        with servers.running_mongod(home) as other, client_of(other) as client:
            client.shop.orders.insert_one({"_id": 2})
            found = client.shop.orders.count_documents({})
            options = client.admin.command("getCmdLineOpts")["parsed"]
            with client.start_session() as session, session.start_transaction():
                client.shop.orders.insert_one({"_id": 3}, session=session)

        assert url != other
        assert found == 2
        assert options["net"]["bindIp"] == LOOPBACK
        assert options["net"]["compression"]["compressors"] == "snappy,zstd"
        assert (home / "mongod.previous.log").exists()

    def test_leaves_nobody_on_the_port(self, tmp_path: Path) -> None:
        with servers.running_mongod(tmp_path) as url:
            port = int(url.partition("127.0.0.1:")[2].partition("/")[0])

        with socket.create_server((LOOPBACK, port)):
            pass

    def test_says_what_the_log_says_when_the_data_are_broken(self, tmp_path: Path) -> None:
        (tmp_path / "mongod").mkdir()
        (tmp_path / "mongod" / "storage.bson").write_bytes(b"no bson")

        with pytest.raises(servers.ServerFailed) as failure, servers.running_mongod(tmp_path):
            pass

        said = str(failure.value)
        assert said.startswith("mongod does not start: Unable to read the storage engine metadata")
        assert said.endswith(
            f" Its log is {tmp_path}/mongod.log; DATA_DIR names another folder, MONGO_URL "
            "another server."
        )


class TestRunningRedis:
    def test_keeps_every_message(self, tmp_path: Path) -> None:
        home = tmp_path / "a folder"

        with servers.running_redis(home) as url, redis.Redis.from_url(url) as client:
            names = ("maxmemory-policy", "appendonly", "save", "bind")
            settings = {name: client.config_get(name)[name] for name in names}
            client.set("key", "value")
        with servers.running_redis(home) as url, redis.Redis.from_url(url) as client:
            kept = client.get("key")

        assert settings == {
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
            "save": "",
            "bind": LOOPBACK,
        }
        assert kept == b"value"

    def test_says_what_the_log_says_when_the_data_are_broken(self, tmp_path: Path) -> None:
        (tmp_path / "redis").mkdir()
        (tmp_path / "redis" / "appendonly.aof").write_text("*1\r\nno command\r\n")

        with pytest.raises(servers.ServerFailed) as failure, servers.running_redis(tmp_path):
            pass

        assert str(failure.value).startswith("redis does not start: Bad file format")

    def test_says_that_the_folder_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "redis").touch()

        with pytest.raises(servers.ServerFailed) as failure, servers.running_redis(tmp_path):
            pass

        assert str(failure.value).startswith("redis cannot be started ([Errno 17] File exists")


class TestStart:
    def test_servers_that_are_killed_come_back_on_their_data(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        mongo_port, redis_port = free_port(), free_port()
        mongod = servers.mongod(tmp_path, port=mongo_port)
        store = servers.redis_server(tmp_path, port=redis_port)
        servers.start([mongod, store], supervisor=supervisor)
        with client_of(servers.mongo_url(mongo_port)) as client:
            client.shop.orders.insert_one({"_id": 1})
        with redis.Redis(port=redis_port) as queue:
            queue.set("key", "value")

        for name in ("mongod", "redis"):
            os.kill(supervisor.pid(name) or 0, signal.SIGKILL)
        supervisor.wait(1)
        settle(supervisor, mongod, store)

        with client_of(servers.mongo_url(mongo_port)) as client:
            assert client.shop.orders.find_one() == {"_id": 1}
        with redis.Redis(port=redis_port) as queue:
            assert queue.get("key") == b"value"

    def test_gives_up_on_a_server_that_does_not_become_ready(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        def refuse() -> bool:
            raise redis.ConnectionError

        silent = stand_in(tmp_path, "import time; time.sleep(60)", answers=refuse)

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


class TestRequire:
    def test_accepts_servers_that_answer(self, tmp_path: Path) -> None:
        with servers.running_redis(tmp_path) as url:
            servers.require_redis(url)
            # Only whether somebody is there is asked.
            servers.require_mongodb(url.replace("redis:", "mongodb:").removesuffix("0"))

    def test_names_the_variable_and_the_place_of_a_silent_mongodb(self) -> None:
        port = free_port()

        with pytest.raises(servers.ServerFailed) as failure:
            servers.require_mongodb(f"mongodb://somebody:secret@127.0.0.1:{port}/")

        assert str(failure.value) == (
            f"The MongoDB that MONGO_URL names does not answer at 127.0.0.1:{port}."
        )

    def test_names_the_variable_of_a_silent_redis(self) -> None:
        with pytest.raises(servers.ServerFailed) as failure:
            servers.require_redis(f"redis://:secret@127.0.0.1:{free_port()}/0")

        assert str(failure.value).startswith("The Redis that REDIS_URL names does not answer: ")
        assert "secret" not in str(failure.value)

    def test_names_the_variable_of_an_address_that_is_none(self) -> None:
        with pytest.raises(
            servers.ServerFailed, match=r"^MONGO_URL is not an address of MongoDB: "
        ):
            servers.require_mongodb("http://127.0.0.1")
        with pytest.raises(servers.ServerFailed, match=r"^The Redis that REDIS_URL names"):
            servers.require_redis("http://127.0.0.1")


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
