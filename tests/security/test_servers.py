"""MongoDB and Redis are asked behind the back of HTTP: by nobody, and by services for others'."""

import stat
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import redis
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from services.registry import SERVICES
from shared import secrets
from shared.local.ports import LOOPBACK
from shared.settings import OPERATOR
from tests.journeys.system import ADMIN, System

Json = dict[str, Any]
PAIRS = list(permutations(SERVICES, 2))
UNAUTHORIZED = 13


class TestWithoutAPassword:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda client: client.kith_accounts.signing_keys.find_one(),
            lambda client: client.kith_customers.customers.count_documents({}),
            lambda client: client.kith_orders.orders.insert_one({}),
            lambda client: client.list_database_names(),
            lambda client: client.local["oplog.rs"].find_one(),
            lambda client: client.admin.command("serverStatus"),
            lambda client: client.admin.command("createUser", "me", pwd="x", roles=["root"]),
            lambda client: client.admin.command("shutdown"),
            lambda client: client.admin.command("replSetGetConfig"),
        ],
    )
    def test_mongodb_does_nothing(
        self, kith: System, ask: Callable[[MongoClient[Json]], object]
    ) -> None:
        with kith.mongo() as client, pytest.raises(OperationFailure) as refusal:
            ask(client)

        assert refusal.value.code == UNAUTHORIZED

    @pytest.mark.parametrize(
        "command",
        ["KEYS *", "INFO", "LPUSH kith:customers x", "CONFIG GET dir", "FLUSHALL", "SHUTDOWN"],
    )
    def test_redis_does_nothing(self, kith: System, command: str) -> None:
        with _redis(kith) as client, pytest.raises(redis.AuthenticationError):
            client.execute_command(*command.split())

    @pytest.mark.parametrize("user", [*SERVICES, OPERATOR, "default"])
    @pytest.mark.parametrize("password", ["", "kith", ADMIN["password"]])
    def test_no_other_one_is_taken(self, kith: System, user: str, password: str) -> None:
        with kith.mongo(user, password or "-") as mongo, pytest.raises(OperationFailure):
            mongo.kith_accounts.users.find_one()
        with _redis(kith, user, password) as broker, pytest.raises(redis.AuthenticationError):
            broker.ping()


class TestAService:
    @pytest.mark.parametrize(("one", "other"), PAIRS)
    def test_neither_reads_nor_writes_anothers_database(
        self, kith: System, one: str, other: str
    ) -> None:
        with kith.mongo(one) as client:
            attempts: list[Callable[[], object]] = [
                lambda: client[f"kith_{other}"].users.find_one(),
                lambda: client[f"kith_{other}"].signing_keys.find_one(),
                lambda: client[f"kith_{other}"].inbox.count_documents({}),
                lambda: client[f"kith_{other}"].inbox.insert_one({}),
                lambda: client[f"kith_{other}"].inbox.delete_many({}),
                lambda: client[f"kith_{other}"].list_collection_names(),
                lambda: list(
                    client[f"kith_{one}"].inbox.aggregate(
                        [{"$lookup": {"from": {"db": f"kith_{other}", "coll": "users"}, "as": "a"}}]
                    )
                ),
                lambda: list(
                    client[f"kith_{one}"].inbox.aggregate(
                        [{"$out": {"db": f"kith_{other}", "coll": "inbox"}}]
                    )
                ),
            ]
            for attempt in attempts:
                with pytest.raises(OperationFailure):
                    attempt()

    @pytest.mark.parametrize("service", SERVICES)
    def test_cannot_give_itself_more(self, kith: System, service: str) -> None:
        with kith.mongo(service) as client:
            own = client[f"kith_{service}"]
            attempts: list[Callable[[], object]] = [
                lambda: client.admin.command("grantRolesToUser", service, roles=["root"]),
                lambda: client.admin.command("createUser", "me", pwd="x", roles=[]),
                lambda: client.admin.command("usersInfo", 1),
                lambda: client.list_database_names() and client.admin["system.users"].find_one(),
                lambda: client.local["oplog.rs"].find_one(),
                # Rules and indexes are the set-up's.
                lambda: own.command("collMod", "inbox", validationLevel="off"),
                lambda: own.inbox.insert_many([{}], bypass_document_validation=True),
                lambda: own.inbox.drop(),
                lambda: own.inbox.create_index("x"),
                lambda: own.command("dropDatabase"),
                lambda: own.command("profile", 2),
                lambda: client.admin.command("setParameter", 1, notablescan=True),
                lambda: client.admin.command("shutdown"),
            ]
            for attempt in attempts:
                with pytest.raises(OperationFailure):
                    attempt()

    @pytest.mark.parametrize(("one", "other"), PAIRS)
    def test_only_adds_to_anothers_queue(self, kith: System, one: str, other: str) -> None:
        keys = [f"kith:{other}", f"kith:{other}.unacked", f"kith:{other}.unacked_index"]
        reads = ["RPOP {}", "LRANGE {} 0 -1", "BRPOP {} 1", "HGETALL {}", "HGET {} x", "GET {}"]
        reads += ["ZRANGE {} 0 -1", "DEL {}", "RENAME {} mine", "COPY {} mine", "DUMP {}"]
        reads += [f"LMOVE {{}} kith:{one} LEFT LEFT", f"RPOPLPUSH {{}} kith:{one}"]
        with _redis(kith, one) as client:
            for attempt in (read.format(key) for read in reads for key in keys):
                with pytest.raises(NoPermissionError):
                    client.execute_command(*attempt.split())
            # How many wait is what a relay has to know.
            assert client.llen(f"kith:{other}") >= 0

    @pytest.mark.parametrize("service", SERVICES)
    @pytest.mark.parametrize(
        "command",
        [
            "EVAL return(1) 0",
            "EVALSHA 0000000000000000000000000000000000000000 0",
            "SCRIPT LOAD return(1)",
            "FUNCTION LIST",
            "KEYS *",
            "SCAN 0",
            "MONITOR",
            "SUBSCRIBE x",
            "CONFIG GET *",
            "CONFIG SET dir /tmp",
            "ACL LIST",
            "CLIENT LIST",
            "FLUSHALL",
            "SHUTDOWN",
            "REPLICAOF 127.0.0.1 1",
            "SAVE",
        ],
    )
    def test_asks_redis_for_nothing_else(self, kith: System, service: str, command: str) -> None:
        with _redis(kith, service) as client, pytest.raises(NoPermissionError):
            client.execute_command(*command.split())


class TestScripts:
    def test_mongodb_runs_none_for_anybody(self, kith: System) -> None:
        script = {"body": "function() { return 1 }", "args": [], "lang": "js"}
        with kith.mongo(OPERATOR) as client:
            users = client.kith_accounts.users
            assert users.find_one()
            for attempt in (
                lambda: users.find_one({"$where": "true"}),
                lambda: users.find_one({"$expr": {"$function": script}}),
                lambda: list(users.aggregate([{"$project": {"x": {"$function": script}}}])),
                lambda: client.kith_accounts.command(
                    "mapReduce", "users", map="function(){}", reduce="function(){}", out="x"
                ),
            ):
                with pytest.raises(PyMongoError):
                    attempt()

    def test_redis_runs_none_for_the_operator(self, kith: System) -> None:
        with _redis(kith, OPERATOR) as client, pytest.raises(NoPermissionError):
            client.execute_command("EVAL", "return 1", "0")


class TestTheOperator:
    @pytest.mark.parametrize(
        "command",
        ["schema-check", "schema", "migrate", "explain", "events", "dead-letters", "setup"],
    )
    def test_runs_every_command(self, kith: System, command: str) -> None:
        ended = kith.run(command)

        assert ended.returncode == 0, ended.stdout + ended.stderr

    def test_looks_into_the_state_of_the_servers(self, kith: System) -> None:
        for arguments in (("--profile", "100"), ("--profile", "off"), ()):
            ended = kith.run("doctor", *arguments)

            # Bad things may be found, on a disk that is full; nothing may be refused.
            assert ended.stderr == ""
            assert "good" in ended.stdout

    def test_backs_up_checks_and_restores_under_another_prefix(
        self, kith: System, tmp_path: Path
    ) -> None:
        made = kith.run("backup", "--to", str(tmp_path))
        assert made.returncode == 0, made.stderr
        (backup,) = map(str, tmp_path.glob("kith-*"))

        checked = kith.run("restore-check", backup)
        restored = kith.run("restore", backup, "--into", "then")

        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert restored.returncode == 0, restored.stderr
        with kith.mongo(OPERATOR) as client, kith.mongo("accounts") as service:
            live = client.kith_accounts.users.count_documents({})
            assert client.then_accounts.users.count_documents({}) == live > 0
            # Until the set-up is run for that prefix, the copy is the operator's alone.
            with pytest.raises(OperationFailure):
                service.then_accounts.users.find_one()
            for name in SERVICES:
                client.drop_database(f"then_{name}")


class TestFiles:
    def test_secrets_are_their_owners_alone(self, kith: System) -> None:
        files = [path for path in kith.secrets.rglob("*") if path.is_file()]
        folders = [path for path in kith.secrets.rglob("*") if path.is_dir()]

        assert {_mode(path) for path in files} == {0o600}
        assert {_mode(path) for path in (kith.secrets, *folders)} == {0o700}
        assert {path.name for path in folders} == {*SERVICES, OPERATOR, "mongo", "redis"}

    def test_data_of_the_servers_are_their_owners_alone(self, kith: System) -> None:
        data = kith.secrets.parent

        assert {_mode(data / name) for name in ("redis", "mongod")} == {0o700}

    def test_no_two_have_the_same_password(self, kith: System) -> None:
        found = [
            secrets.require(kith.secrets / user, name)
            for user in (*SERVICES, OPERATOR)
            for name in ("mongo_password", "redis_password")
        ]

        assert len(set(found)) == len(found)
        assert min(map(len, found)) >= 32

    def test_no_process_shows_a_secret(self, kith: System) -> None:
        """Neither in its environment nor on its command line, where other users see it."""
        planted = dict(_secrets(kith)) | {"ADMIN_PASSWORD": ADMIN["password"].encode()}
        # The shell of who typed the password, and `run`, to which it was given, have it anyway.
        processes = kith.pids() - {kith.process.pid}

        shown = [
            (pid, file, name)
            for pid in processes
            for file in ("environ", "cmdline")
            for name, secret in planted.items()
            if secret in _read(Path("/proc") / str(pid) / file)
        ]

        assert len(processes) >= 3 * len(SERVICES) + 2
        assert shown == []

    def test_no_log_has_a_secret(self, kith: System) -> None:
        logs = [kith.log, *kith.secrets.parent.glob("*.log")]

        found = [
            (log.name, name)
            for log in logs
            for name, secret in (*_secrets(kith), ("admin", ADMIN["password"].encode()))
            if secret in log.read_bytes()
        ]

        assert {log.name for log in logs} >= {"run.log", "mongod.log", "redis.log"}
        assert found == []


def _redis(kith: System, user: str = "", password: str | None = None) -> redis.Redis:
    """A client of Redis who signs in as this user, by their own password or another."""
    login: Any = {}
    if user:
        own = secrets.read(kith.secrets / user, "redis_password")
        login = {"username": user, "password": own if password is None else password}
    once = Retry(NoBackoff(), 0)
    return redis.Redis(
        host=LOOPBACK, port=kith.ports["redis"], socket_timeout=5, retry=once, **login
    )


def _secrets(kith: System) -> Iterator[tuple[str, bytes]]:
    for path in kith.secrets.rglob("*"):
        if path.is_file() and path.suffix != ".acl":
            for line in path.read_bytes().split():
                yield str(path.relative_to(kith.secrets)), line


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        # It has ended meanwhile.
        return b""
