"""Starts servers under a supervisor and waits until they are ready; reads in their logs why not.

Knows no particular server: `mongod` and `redis_server` say how theirs is started and asked.
"""

import json
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from shared.local.output import Console
from shared.local.supervisor import Command, Supervisor

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
    """A server that can be started on this machine."""

    command: Command
    directory: Path
    log: Path
    variable: str
    """The environment variable that names another server to use."""
    answers: Callable[[], bool]
    """True if it is ready now."""


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
def running(server: Server) -> Iterator[None]:
    """Run a server, ready when the block begins and stopped when it ends.

    :raises ServerFailed: it does not start.
    """
    with Supervisor(Console(StringIO())) as supervisor:
        start([server], supervisor=supervisor)
        yield


def cause(lines: Sequence[str]) -> str:
    """The words in a server's log that most likely name the reason of its end."""
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


def _make_room(server: Server) -> None:
    server.directory.mkdir(parents=True, exist_ok=True)
    # What customers said and bought is stored in it, whatever the modes of the single files.
    server.directory.chmod(stat.S_IRWXU)
    if server.log.exists():
        # One earlier log is kept, so that they do not grow for ever.
        server.log.replace(server.log.with_suffix(".previous.log"))


def _await(server: Server, *, supervisor: Supervisor, patience: float) -> None:
    name = server.command.name
    began = time.monotonic()
    while not server.answers():
        if supervisor.deaths(name):
            raise ServerFailed(_sentence(server, f"does not start: {_said(server)}"))
        if time.monotonic() - began > patience:
            raise ServerFailed(_sentence(server, f"is not ready after {patience:g} s"))
        supervisor.wait(0.05)


def _said(server: Server) -> str:
    if not server.log.exists():
        return "it left no log"
    return cause(server.log.read_text(errors="replace").splitlines())


def _sentence(server: Server, what: str) -> str:
    return (
        f"{server.command.name} {what}. Its log is {server.log}; DATA_DIR names another folder, "
        f"{server.variable} another server."
    )
