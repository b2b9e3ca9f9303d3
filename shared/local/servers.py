"""Starts real MongoDB and Redis servers on loopback, for `make run` and for the tests.

Nothing here is meant for production.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import redis
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.local.binaries import find_mongod, find_redis
from shared.local.output import Console
from shared.local.ports import LOOPBACK, free_port, listens
from shared.local.supervisor import Command, Supervisor

REPLICA_SET = "kith"
# Servers are stopped after all that use them.
STAGE = 2
# Seconds from SIGTERM to SIGKILL; both keep their data through either.
GRACE = 2.5
# A MongoDB that was killed replays its journal before it answers.
PATIENCE = 60.0


class ServerFailed(Exception):
    """A server does not start, or does not answer."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that can be started here."""

    command: Command
    directory: Path
    log: Path
    variable: str
    """The environment variable that names another server to use."""
    answers: Callable[[], bool]
    """Whether it is ready now. May raise while it starts."""


def mongo_url(port: int) -> str:
    """The address of a MongoDB that was started here."""
    return f"mongodb://{LOOPBACK}:{port}/?replicaSet={REPLICA_SET}"


def redis_url(port: int) -> str:
    """The address of a Redis that was started here."""
    return f"redis://{LOOPBACK}:{port}/0"


def mongod_argv(program: Path, *, directory: Path, log: Path, port: int) -> tuple[str, ...]:
    """The command line of a replica set of one."""
    return (
        str(program),
        *("--dbpath", str(directory), "--port", str(port), "--bind_ip", LOOPBACK),
        # Without a replica set there are no transactions and no change streams.
        *("--replSet", REPLICA_SET),
        # The default offers zlib too, by which this release shows its memory to anybody who
        # connects (CVE-2025-14847).
        *("--networkMessageCompressors", "snappy,zstd"),
        # The default is half of the memory, too much on a laptop that has other things to do.
        # Half a gigabyte holds a shop of some hundred thousand orders.
        *("--wiredTigerCacheSizeGB", "0.5"),
        # The default is a twentieth of the disk. There is no second node to catch up from this
        # log, and the relays do not rest on change streams.
        *("--oplogSize", "512"),
        # The socket file in /tmp would outlive a kill, and stop another user who takes the port.
        "--nounixsocket",
        # The default renames the file at each start, so that they pile up.
        *("--logpath", str(log), "--logappend"),
    )


def redis_argv(program: Path, *, directory: Path, log: Path, port: int) -> tuple[str, ...]:
    """The command line of a Redis that keeps every message."""
    return (
        str(program),
        *("--dir", str(directory), "--port", str(port), "--bind", LOOPBACK),
        # Messages live in this file; without it a restart empties the queues.
        *("--appendonly", "yes"),
        # The snapshots that are on by default would store everything a second time.
        *("--save", ""),
        # An evicted queue is a lost message; one that is refused is sent again.
        *("--maxmemory-policy", "noeviction"),
        *("--logfile", str(log)),
    )


def mongod(directory: Path, *, port: int) -> Server:
    """A MongoDB with its data and its log in `directory`.

    :raises ServerMissing: there is none that runs on this machine.
    """
    data, log = directory / "mongod", directory / "mongod.log"
    argv = mongod_argv(find_mongod(), directory=data, log=log, port=port)
    return Server(
        command=Command(name="mongod", argv=argv, stage=STAGE, grace=GRACE),
        directory=data,
        log=log,
        variable="MONGO_URL",
        answers=lambda: listens(port) and _is_primary(port),
    )


def redis_server(directory: Path, *, port: int) -> Server:
    """A Redis with its data and its log in `directory`.

    :raises ServerMissing: there is none that runs on this machine.
    """
    data, log = directory / "redis", directory / "redis.log"
    argv = redis_argv(find_redis(), directory=data, log=log, port=port)
    return Server(
        command=Command(name="redis", argv=argv, stage=STAGE, grace=GRACE),
        directory=data,
        log=log,
        variable="REDIS_URL",
        answers=lambda: listens(port) and _pings(redis_url(port)),
    )


def start(servers: Sequence[Server], *, supervisor: Supervisor, patience: float = PATIENCE) -> None:
    """Start the servers side by side and wait until all are ready, each `patience` seconds at most.

    :raises ServerFailed: one of them ends or does not become ready.
    :raises StopAsked: while waiting.
    """
    for server in servers:
        try:
            _make_room(server)
            supervisor.start(server.command)
        except OSError as error:
            raise ServerFailed(_sentence(server, f"cannot be started ({error})")) from error
    for server in servers:
        _await(server, supervisor=supervisor, patience=patience)


@contextmanager
def running_mongod(directory: Path) -> Iterator[str]:
    """A MongoDB on a free port, its data in `directory`; gives its address, and stops it after.

    :raises ServerMissing: there is none that runs on this machine.
    :raises ServerFailed: it does not start.
    """
    port = free_port()
    with _running(mongod(directory.resolve(), port=port)):
        yield mongo_url(port)


@contextmanager
def running_redis(directory: Path) -> Iterator[str]:
    """A Redis on a free port, its data in `directory`; gives its address, and stops it after.

    :raises ServerMissing: there is none that runs on this machine.
    :raises ServerFailed: it does not start.
    """
    port = free_port()
    with _running(redis_server(directory.resolve(), port=port)):
        yield redis_url(port)


def require_mongodb(url: str) -> None:
    """Make sure that somebody takes connections where the given address points.

    Not more than that: a replica set that nobody has initiated yet answers no command.

    :raises ServerFailed: nobody does.
    """
    try:
        nodes = parse_uri(url)["nodelist"]
    except (PyMongoError, ValueError) as error:
        raise ServerFailed(f"MONGO_URL is not an address of MongoDB: {error}") from error
    if not any(listens(port or 27017, host=host) for host, port in nodes):
        places = ", ".join(f"{host}:{port}" for host, port in nodes)
        raise ServerFailed(f"The MongoDB that MONGO_URL names does not answer at {places}.")


def require_redis(url: str) -> None:
    """Make sure that the Redis at the given address answers.

    :raises ServerFailed: it does not.
    """
    try:
        _pings(url)
    except (redis.RedisError, ValueError) as error:
        raise ServerFailed(f"The Redis that REDIS_URL names does not answer: {error}") from error


def cause(lines: Sequence[str]) -> str:
    """The words in a server's log that most likely say why it ended."""
    # MongoDB tells the cause first and what follows from it after; Redis ends with the cause.
    errors = [words for line in lines if (words := _error(line))][:1]
    warnings = [words for line in lines if (words := line.partition(" # ")[2])][-1:]
    return (errors or warnings or ["it left no reason"])[0].strip()[:300]


def _error(line: str) -> str:
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return ""
    if entry.get("s") not in {"E", "F"}:
        return ""
    error = entry.get("attr", {}).get("error", "")
    return f"{entry.get('msg')}: {error.get('errmsg', '') if isinstance(error, dict) else error}"


@contextmanager
def _running(server: Server) -> Iterator[None]:
    with Supervisor(Console(StringIO())) as supervisor:
        start([server], supervisor=supervisor)
        yield


def _make_room(server: Server) -> None:
    server.directory.mkdir(parents=True, exist_ok=True)
    if server.log.exists():
        # One earlier log is kept, so that they do not grow for ever.
        server.log.replace(server.log.with_suffix(".previous.log"))


def _await(server: Server, *, supervisor: Supervisor, patience: float) -> None:
    name = server.command.name
    began = time.monotonic()
    while not _answers(server):
        if supervisor.deaths(name):
            raise ServerFailed(_sentence(server, f"does not start: {_said(server)}"))
        if time.monotonic() - began > patience:
            raise ServerFailed(_sentence(server, f"is not ready after {patience:g} s"))
        supervisor.wait(0.05)


def _answers(server: Server) -> bool:
    try:
        return server.answers()
    except (PyMongoError, redis.RedisError):
        # It takes connections before it can do anything for them.
        return False


def _said(server: Server) -> str:
    if not server.log.exists():
        return "it left no log"
    return cause(server.log.read_text(errors="replace").splitlines())


def _sentence(server: Server, what: str) -> str:
    return (
        f"{server.command.name} {what}. Its log is {server.log}; DATA_DIR names another folder, "
        f"{server.variable} another server."
    )


def _is_primary(port: int) -> bool:
    """Whether the replica set takes writes; makes the set when there is none."""
    with _direct(port) as client:
        hello = client.admin.command("hello")
        if not hello["isWritablePrimary"] and "setName" not in hello:
            _configure(client, member=f"{LOOPBACK}:{port}")
        return bool(hello["isWritablePrimary"])


def _configure(client: MongoClient[dict[str, Any]], *, member: str) -> None:
    members = [{"_id": 0, "host": member}]
    config = client.local["system.replset"].find_one()
    if config is None:
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
    elif [known["host"] for known in config["members"]] != [member]:
        # The data were made under another port, and the server does not find itself in the set.
        # By force, because there is no primary who could agree.
        client.admin.command("replSetReconfig", {**config, "members": members}, force=True)


def _direct(port: int) -> MongoClient[dict[str, Any]]:
    # Direct, because a server without a set is not found by its set's name.
    return MongoClient(LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=2000)


def _pings(url: str) -> bool:
    # One attempt: the default tries again for seconds, and we ask again anyway.
    once = Retry(NoBackoff(), 0)
    with redis.Redis.from_url(
        url, socket_timeout=2, socket_connect_timeout=2, retry=once
    ) as client:
        return bool(client.ping())
