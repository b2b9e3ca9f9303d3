import socket
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from shared.local.mongod import mongod_argv, require_mongodb, running_mongod
from shared.local.ports import LOOPBACK, free_port
from shared.local.servers import ServerFailed


class TestMongodArgv:
    def test_holds_what_must_not_be_left_to_the_defaults(self) -> None:
        argv = mongod_argv(Path("/bin/mongod"), directory=Path("/d"), log=Path("/l"), port=1)

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

        with running_mongod(home) as url, client_of(url) as client:
            client.shop.orders.insert_one({"_id": 1})
        with running_mongod(home) as other, client_of(other) as client:
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
        with running_mongod(tmp_path) as url:
            port = int(url.partition("127.0.0.1:")[2].partition("/")[0])

        with socket.create_server((LOOPBACK, port)):
            pass

    def test_says_what_the_log_says_when_the_data_are_broken(self, tmp_path: Path) -> None:
        (tmp_path / "mongod").mkdir()
        (tmp_path / "mongod" / "storage.bson").write_bytes(b"no bson")

        with pytest.raises(ServerFailed) as failure, running_mongod(tmp_path):
            pass

        said = str(failure.value)
        assert said.startswith("mongod does not start: Unable to read the storage engine metadata")
        assert said.endswith(
            f" Its log is {tmp_path}/mongod.log; DATA_DIR names another folder, MONGO_URL "
            "another server."
        )


class TestRequireMongodb:
    def test_accepts_whoever_takes_connections(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as server:
            require_mongodb(f"mongodb://{LOOPBACK}:{server.getsockname()[1]}/")

    def test_names_the_variable_and_the_place_of_a_silent_one(self) -> None:
        port = free_port()

        with pytest.raises(ServerFailed) as failure:
            require_mongodb(f"mongodb://somebody:secret@127.0.0.1:{port}/")

        assert str(failure.value) == (
            f"The MongoDB that MONGO_URL names does not answer at 127.0.0.1:{port}."
        )

    def test_names_the_variable_of_an_address_that_is_none(self) -> None:
        with pytest.raises(ServerFailed, match=r"^MONGO_URL is not an address of MongoDB: "):
            require_mongodb("http://127.0.0.1")


def client_of(url: str) -> MongoClient[dict[str, Any]]:
    """A client that gives up soon."""
    return MongoClient(url, serverSelectionTimeoutMS=5000)
