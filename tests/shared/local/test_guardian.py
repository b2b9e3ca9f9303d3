import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.local.guardian import Guardian, end_group, guard

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(60)"
)
# Starts a sleeper in the same group, and tells its process id.
PARENT = (
    "import subprocess, sys, time; "
    f"print(subprocess.Popen((sys.executable, '-c', {SLEEP!r})).pid, flush=True); time.sleep(60)"
)
# Is killed while its guardian watches a group.
KILLED = (
    "import os, signal; from shared.local.guardian import Guardian; guardian = Guardian(); "
    "guardian.watch({group}); os.kill(os.getpid(), signal.SIGKILL)"
)

Start = Callable[[str], "subprocess.Popen[str]"]


class TestGuard:
    def test_ends_the_groups_that_are_left_when_the_orders_end(self, start: Start) -> None:
        forgotten, left = start(SLEEP), start(SLEEP)

        guard([f"+{forgotten.pid}\n", f"+{left.pid}\n", f"-{forgotten.pid}\n"], grace=0.1)

        assert left.wait(5) == -signal.SIGTERM
        assert forgotten.poll() is None

    def test_kills_what_does_not_listen(self, start: Start) -> None:
        stubborn = start(STUBBORN)
        assert line(stubborn) == "deaf"

        guard([f"+{stubborn.pid}\n"], grace=0.1)

        assert stubborn.wait(5) == -signal.SIGKILL

    def test_does_not_mind_a_group_that_is_gone(self, start: Start) -> None:
        gone = start("pass")
        gone.wait(5)

        guard([f"+{gone.pid}\n"], grace=0.1)


class TestGuardian:
    def test_ends_grandchildren_too_when_its_parent_is_killed(self, start: Start) -> None:
        parent = start(PARENT)
        grandchild = int(line(parent))

        killed = start(KILLED.format(group=parent.pid))

        assert killed.wait(10) == -signal.SIGKILL

        assert parent.wait(10) == -signal.SIGTERM
        assert is_gone(grandchild)

    def test_leaves_alone_what_it_was_told_to_forget(self, start: Start) -> None:
        process = start(SLEEP)
        guardian = Guardian()
        guardian.watch(process.pid)

        guardian.forget(process.pid)
        guardian.close()

        assert process.poll() is None

    def test_has_a_successor_that_knows_everything_when_killed(self, start: Start) -> None:
        early, late = start(SLEEP), start(SLEEP)
        guardian = Guardian()
        guardian.watch(early.pid)
        killed = guardian.pid
        os.kill(killed, signal.SIGKILL)
        assert is_gone(killed)

        guardian.watch(late.pid)
        successor = guardian.pid
        for process in (early, late):
            # The guardian takes a process for running until somebody has asked how it ended.
            threading.Thread(target=process.wait).start()
        guardian.close()

        assert successor != killed
        assert early.wait(5) == late.wait(5) == -signal.SIGTERM


class TestEndGroup:
    def test_does_not_mind_a_group_that_is_gone(self, start: Start) -> None:
        gone = start("pass")
        gone.wait(5)

        end_group(gone.pid)


def line(process: "subprocess.Popen[str]") -> str:
    """The next line that the process prints."""
    assert process.stdout
    return process.stdout.readline().strip()


def is_gone(pid: int) -> bool:
    """Whether the process ends within some seconds. One that only waits to be buried counts."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def start() -> Iterator[Start]:
    """`start(code)`: run Python code in a process group of its own; ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(code: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(  # noqa: S603 - code that stands above.
            (sys.executable, "-c", code), stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        end_group(process.pid)
        process.communicate()
