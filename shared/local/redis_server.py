"""Runs a real Redis that keeps every message, on loopback, for `make run` and for the tests.

Knows no service. Given users it asks everybody for a password; `make run` does that, and tests that
break nothing do without.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.local.binaries import find_redis
from shared.local.ports import LOOPBACK, free_port, listens
from shared.local.servers import GRACE, STAGE, Server, ServerFailed, running
from shared.local.supervisor import Command


@dataclass(frozen=True, kw_only=True)
class Users:
    """Who may do what: a file of rules, and one of those users, by whom the server is looked at."""

    file: Path
    name: str
    password: str = field(repr=False)


def redis_url(port: int) -> str:
    """The address of a Redis that was started here."""
    return f"redis://{LOOPBACK}:{port}/0"


def redis_argv(
    program: Path, *, directory: Path, log: Path, port: int, users: Path | None = None
) -> tuple[str, ...]:
    """The command line of a Redis that keeps every message, with a file of users or for anybody."""
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
        *(("--aclfile", str(users)) if users else ()),
    )


def redis_server(directory: Path, *, port: int, users: Users | None = None) -> Server:
    """A Redis with its data and its log in `directory`.

    :raises ServerMissing: there is none that runs on this machine.
    """
    data, log = directory / "redis", directory / "redis.log"
    file = users.file if users else None
    argv = redis_argv(find_redis(), directory=data, log=log, port=port, users=file)
    login = {"username": users.name, "password": users.password} if users else {}
    return Server(
        command=Command(name="redis", argv=argv, stage=STAGE, grace=GRACE),
        directory=data,
        log=log,
        variable="REDIS_URL",
        answers=lambda: listens(port) and _is_loaded(redis_url(port), **login),
    )


@contextmanager
def running_redis(directory: Path) -> Iterator[str]:
    """A Redis on a free port, its data in `directory`. Gives its address; stops it afterwards.

    :raises ServerMissing: there is none that runs on this machine.
    :raises ServerFailed: it does not start.
    """
    port = free_port()
    with running(redis_server(directory.resolve(), port=port)):
        yield redis_url(port)


def require_redis(url: str) -> None:
    """Make sure that the Redis at the given address answers.

    :raises ServerFailed: it does not.
    """
    try:
        _pings(url)
    except (redis.RedisError, ValueError) as error:
        raise ServerFailed(f"The Redis that REDIS_URL names does not answer: {error}") from error


def _is_loaded(url: str, **login: Any) -> bool:
    try:
        return _pings(url, **login)
    except redis.RedisError:
        # It takes connections before it has read its data.
        return False


def _pings(url: str, **login: Any) -> bool:
    # One attempt: the default tries again for seconds, and we ask again anyway.
    once = Retry(NoBackoff(), 0)
    with redis.Redis.from_url(
        url, socket_timeout=2, socket_connect_timeout=2, retry=once, **login
    ) as client:
        return bool(client.ping())
