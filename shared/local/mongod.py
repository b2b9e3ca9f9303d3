"""Runs a real MongoDB on loopback, as a replica set of one, for `make run` and for the tests.

Knows no service. Given a key it asks everybody for a password; `make run` does that, and tests that
break nothing do without.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from shared.local.binaries import find_mongod
from shared.local.ports import LOOPBACK, free_port, listens
from shared.local.servers import GRACE, STAGE, Server, ServerFailed, running
from shared.local.supervisor import Command
from shared.mongo import logins

REPLICA_SET = "kith"
# It says which parameters it was given before it turns to its log. What is wrong goes to stderr.
_SILENTLY = ("/bin/sh", "-c", 'exec "$0" "$@" >/dev/null')


def mongo_url(port: int) -> str:
    """The address of a MongoDB that was started here."""
    return f"mongodb://{LOOPBACK}:{port}/?replicaSet={REPLICA_SET}"


def mongod_argv(
    program: Path, *, directory: Path, log: Path, port: int, key_file: Path | None = None
) -> tuple[str, ...]:
    """The command line of a replica set of one, which asks for passwords if it has a key."""
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
        # Nothing of ours asks the server to run JavaScript; an injected query might.
        "--noscripting",
        *(_guarded(key_file) if key_file else ()),
    )


def _guarded(key_file: Path) -> tuple[str, ...]:
    return (
        *("--keyFile", str(key_file)),
        # By default anybody on this machine may make the first user, until there is one.
        *("--setParameter", "enableLocalhostAuthBypass=false"),
    )


def mongod(directory: Path, *, port: int, key_file: Path | None = None) -> Server:
    """A MongoDB with its data and its log in `directory`.

    :raises ServerMissing: there is none that runs on this machine.
    """
    data, log = directory / "mongod", directory / "mongod.log"
    argv = mongod_argv(find_mongod(), directory=data, log=log, port=port, key_file=key_file)
    login = logins.as_server(key_file.read_text().strip()) if key_file else {}
    return Server(
        command=Command(name="mongod", argv=(*_SILENTLY, *argv), stage=STAGE, grace=GRACE),
        directory=data,
        log=log,
        variable="MONGO_URL",
        answers=lambda: listens(port) and _takes_writes(port, login=login),
    )


@contextmanager
def running_mongod(directory: Path) -> Iterator[str]:
    """A MongoDB on a free port, its data in `directory`. Gives its address; stops it afterwards.

    :raises ServerMissing: there is none that runs on this machine.
    :raises ServerFailed: it does not start.
    """
    port = free_port()
    with running(mongod(directory.resolve(), port=port)):
        yield mongo_url(port)


def require_mongodb(url: str) -> None:
    """Make sure that a program takes connections where the given address points.

    Not more than that: a replica set that nobody has initiated yet answers no command.

    :raises ServerFailed: none does.
    """
    try:
        nodes = parse_uri(url)["nodelist"]
    except (PyMongoError, ValueError) as error:
        raise ServerFailed(f"MONGO_URL is not an address of MongoDB: {error}") from error
    if not any(listens(port or 27017, host=host) for host, port in nodes):
        places = ", ".join(f"{host}:{port}" for host, port in nodes)
        raise ServerFailed(f"The MongoDB that MONGO_URL names does not answer at {places}.")


def _takes_writes(port: int, *, login: logins.Login) -> bool:
    try:
        return _is_primary(port, login=login)
    except PyMongoError:
        # It takes connections before it can do anything for them.
        return False


def _is_primary(port: int, *, login: logins.Login) -> bool:
    """True if the replica set takes writes. Makes the set when there is none."""
    # Anybody may ask that, and to sign in takes time at every look.
    with _direct(port) as client:
        hello = client.admin.command("hello")
    if not hello["isWritablePrimary"] and "setName" not in hello:
        with _direct(port, **login) as client:
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


def _direct(port: int, **login: Any) -> MongoClient[dict[str, Any]]:
    # Direct, because a server without a set is not found by its set's name.
    return MongoClient(
        LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=2000, **login
    )
