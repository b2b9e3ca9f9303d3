"""Processes that a test kills, and which are started again when they die.

Each leads a group of its own, so that what it started dies with it, and what is left of any of them
dies with the test, even if that is killed.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.local.guardian import Guardian, end_group

ROOT = Path(__file__).parents[2]
STEP = 0.02


@dataclass(kw_only=True)
class Process:
    """A program, of which one run follows another."""

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    kept: bool = True
    """Whether it is started again when it dies."""
    codes: list[int] = field(default_factory=list)
    """How its runs ended; below zero, by which signal."""
    run: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    """When its present run began, by the monotonic clock."""

    @property
    def kills(self) -> int:
        """How many of its runs were ended by SIGKILL, as the kernel tells."""
        return self.codes.count(-signal.SIGKILL)

    def has_run_for(self, seconds: float) -> bool:
        """Whether it runs, and has for that long."""
        return self.run is not None and time.monotonic() - self.started >= seconds

    def send(self, signum: int) -> bool:
        """Send a signal to the process and all it started; whether it was there to get it."""
        if self.run is None or self.run.poll() is not None:
            return False
        with suppress(ProcessLookupError):
            os.killpg(self.run.pid, signum)
        return True


class Keeper:
    """Starts processes, and starts them again."""

    def __init__(self) -> None:
        self._guardian = Guardian()
        self._processes: dict[str, Process] = {}
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        for process in self._processes.values():
            self.end(process)
        self._guardian.close()

    def start(self, process: Process) -> None:
        """Start it, and again whenever it dies, as long as it is kept."""
        with self._lock:
            self._processes[process.name] = process
            self._launch(process)

    def end(self, process: Process) -> None:
        """Kill it and do not start it again."""
        with self._lock:
            process.kept = False
            process.send(signal.SIGKILL)
            if process.run is not None:
                process.run.wait()
                self._bury(process)

    def restart(self, process: Process) -> None:
        """Start one that was ended."""
        with self._lock:
            process.kept = True
            self._launch(process)

    def _watch(self) -> None:
        while not self._stop.wait(STEP):
            with self._lock:
                for process in self._processes.values():
                    if process.run is not None and process.run.poll() is not None:
                        self._bury(process)
                        if process.kept:
                            self._launch(process)

    def _launch(self, process: Process) -> None:
        with process.log.open("ab") as log:
            process.run = subprocess.Popen(  # noqa: S603 - our own interpreter and servers.
                process.argv,
                cwd=ROOT,
                env={**os.environ, **process.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.started = time.monotonic()
        self._guardian.watch(process.run.pid)

    def _bury(self, process: Process) -> None:
        if process.run is None:
            return
        # What it started would hold its port, or work on without it.
        end_group(process.run.pid)
        self._guardian.forget(process.run.pid)
        process.codes.append(process.run.returncode)
        process.run = None


def wait_until(condition: Callable[[], object], what: str, *, seconds: float) -> float:
    """Wait until something is so; returns how many seconds it took.

    :raises TimeoutError: it never was.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"Waited {seconds:g} s in vain until {what}.")
        time.sleep(0.05)
    return time.monotonic() - began
