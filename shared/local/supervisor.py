"""Keeps child processes running and stops them all. Knows no service and no server.

Each child leads a session of its own, so that Ctrl-C reaches its parent alone and whatever
the child started can be ended with it.
"""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from shared.local.guardian import Guardian, end_group
from shared.local.output import Console
from shared.local.signals import StopFlag

FIRST_DELAY = 0.5
LAST_DELAY = 30.0
STEADY_AFTER = 60.0
# How often, in seconds, the children are looked at while somebody waits.
STEP = 0.1


class StopAsked(Exception):
    """Everything is to stop: there was a signal, or nobody reads the output any more."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A program to run."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to those of this process."""
    stage: int = 0
    """Programs of a lower stage are gone before those of a higher one are asked to stop."""
    grace: float = 3.0
    """Seconds from SIGTERM to SIGKILL."""


def next_delay(previous: float, *, uptime: float) -> float:
    """Seconds to wait before a process that died after `uptime` seconds is started again."""
    if uptime >= STEADY_AFTER:
        return FIRST_DELAY
    return min(max(previous * 2, FIRST_DELAY), LAST_DELAY)


def reason(code: int) -> str:
    """The meaning of an exit code, in words that follow the name of a process."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"


class Child:
    """One run of a command."""

    def __init__(self, command: Command, *, console: Console, guardian: Guardian) -> None:
        """Start the command.

        :raises OSError: the program cannot be started.
        """
        self.command = command
        self.tail: deque[str] = deque(maxlen=200)
        self.started = time.monotonic()
        self._console = console
        self._guardian = guardian
        self._process = subprocess.Popen(  # noqa: S603 - to run what we are given is the purpose.
            command.argv,
            # PYTHONUNBUFFERED: without it the lines of a Python child come kilobytes late.
            env={**os.environ, "PYTHONUNBUFFERED": "1", **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._guardian.watch(self.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask the process to end. The signal goes to it alone, not to its children."""
        self._process.terminate()

    def finish(self, *, within: float) -> bool:
        """Wait that many seconds, then kill what is left of the process and of what it started.

        :return: True if the process ended by itself.
        """
        try:
            self._process.wait(max(within, 0))
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        end_group(self.pid)
        self._process.wait()
        # Not for ever: a descendant that made itself a session of its own may hold the pipe open.
        self._reader.join(1)
        self._guardian.forget(self.pid)
        return ended

    def _read(self) -> None:
        if self._process.stdout is None:
            return
        with self._process.stdout as pipe:
            # Bounded, so that a child that never ends its line does not fill our memory.
            while line := pipe.readline(64 * 1024):
                text = line.decode(errors="replace").rstrip("\r\n")
                self.tail.append(text)
                self._console.line(self.command.name, text)


@dataclass(kw_only=True)
class _Kept:
    command: Command
    child: Child | None
    deaths: int = 0
    delay: float = 0.0
    due: float = 0.0


class Supervisor:
    """Starts processes, and starts them again when they die for as long as somebody calls `wait`.

    It runs in the thread that uses it. As a context manager it stops everything at the end.
    """

    def __init__(self, console: Console, *, stop: StopFlag | None = None) -> None:
        self._console = console
        self._flag = stop or StopFlag()
        self._guardian = Guardian()
        self._kept: dict[str, _Kept] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._guardian.close()

    def start(self, command: Command) -> None:
        """Start a process and keep it running.

        :raises OSError: the program cannot be started.
        """
        self._kept[command.name] = _Kept(command=command, child=self._launch(command))

    def run_once(self, command: Command) -> tuple[int, list[str]]:
        """Run a process to its end: its exit code and the last lines it printed.

        :raises OSError: the program cannot be started.
        :raises StopAsked: while it ran; it was stopped.
        """
        child = self._launch(command)
        try:
            while (code := child.poll()) is None:
                self.wait(STEP)
        finally:
            self._end([child])
        return code, list(child.tail)

    def wait(self, seconds: float) -> None:
        """Pass the time, starting again what dies meanwhile.

        :raises StopAsked: everything is to stop.
        """
        deadline = time.monotonic() + seconds
        while True:
            if self._flag.raised or self._console.lost:
                raise StopAsked
            self._look()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, STEP))

    def deaths(self, name: str) -> int:
        """The number of times that the process of that name has died."""
        return self._kept[name].deaths

    def pid(self, name: str) -> int | None:
        """The process id, or None while the process waits to be started again."""
        child = self._kept[name].child
        return child.pid if child else None

    def stop(self) -> None:
        """Stop all processes, stage after stage. None is left when this returns."""
        running = [kept.child for kept in self._kept.values() if kept.child]
        self._kept.clear()
        for stage in sorted({child.command.stage for child in running}):
            self._end([child for child in running if child.command.stage == stage])

    def _end(self, children: list[Child]) -> None:
        for child in children:
            child.terminate()
        asked = time.monotonic()
        for child in children:
            grace = child.command.grace
            if not child.finish(within=asked + grace - time.monotonic()):
                self._say(f"{child.command.name} did not end within {grace:g} s and was killed.")

    def _look(self) -> None:
        for kept in self._kept.values():
            if kept.child is not None:
                self._bury(kept, kept.child)
            elif time.monotonic() >= kept.due:
                self._revive(kept)

    def _bury(self, kept: _Kept, child: Child) -> None:
        code = child.poll()
        if code is None:
            return
        # Orphans of a dead process would hold its port against the next one.
        child.finish(within=0)
        kept.child = None
        self._postpone(kept, reason(code), uptime=time.monotonic() - child.started)

    def _revive(self, kept: _Kept) -> None:
        try:
            kept.child = self._launch(kept.command)
        except OSError as error:
            self._postpone(kept, f"cannot be started ({error.strerror})", uptime=0)

    def _postpone(self, kept: _Kept, why: str, *, uptime: float) -> None:
        kept.deaths += 1
        kept.delay = next_delay(kept.delay, uptime=uptime)
        kept.due = time.monotonic() + kept.delay
        self._say(f"{kept.command.name} {why}; it is started again in {kept.delay:g} s.")

    def _launch(self, command: Command) -> Child:
        return Child(command, console=self._console, guardian=self._guardian)

    def _say(self, text: str) -> None:
        self._console.line("kith", text)
