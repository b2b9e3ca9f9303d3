import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest

from shared.local.output import Console
from shared.local.signals import StopFlag, stopping_on_signals
from shared.local.supervisor import Command, StopAsked, Supervisor, next_delay, reason

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); "
    "time.sleep(60)"
)
# Starts a sleeper that outlives it, and tells its process id.
PARENT = (
    "import subprocess, sys, time; "
    f"print(subprocess.Popen((sys.executable, '-c', {SLEEP!r})).pid); time.sleep(60)"
)


def command(name: str, code: str, *, stage: int = 0, grace: float = 3.0) -> Command:
    """A command that runs Python code."""
    return Command(name=name, argv=(sys.executable, "-c", code), stage=stage, grace=grace)


class TestNextDelay:
    @pytest.mark.parametrize(
        ("previous", "uptime", "delay"),
        [
            pytest.param(0, 0, 0.5, id="first"),
            pytest.param(0.5, 1, 1.0, id="doubled"),
            pytest.param(16.0, 59, 30.0, id="bounded"),
            pytest.param(30.0, 1, 30.0, id="stays"),
            pytest.param(30.0, 60, 0.5, id="forgiven"),
        ],
    )
    def test_doubles_until_a_process_stays_up(
        self, previous: float, uptime: float, delay: float
    ) -> None:
        assert next_delay(previous, uptime=uptime) == delay


class TestReason:
    def test_tells_exit_codes_from_signals(self) -> None:
        assert reason(3) == "ended with exit code 3"
        assert reason(-9) == "was ended by SIGKILL"


class TestOutput:
    def test_is_shown_behind_the_name(
        self, supervisor: Supervisor, output: StringIO, until: "Until"
    ) -> None:
        supervisor.start(command("web", "print('hello'); " + SLEEP))

        until(lambda: "web    | hello\n" in output.getvalue())

    def test_includes_standard_error_and_broken_text(
        self, supervisor: Supervisor, output: StringIO
    ) -> None:
        code = r"import sys; sys.stderr.buffer.write(b'caf\xe9\n')"

        supervisor.run_once(command("web", code))

        assert "web    | caf\N{REPLACEMENT CHARACTER}\n" in output.getvalue()


class TestRestart:
    def test_follows_a_death_and_is_told(
        self, supervisor: Supervisor, output: StringIO, until: "Until"
    ) -> None:
        supervisor.start(command("web", SLEEP))
        first = supervisor.pid("web")
        assert first

        os.kill(first, signal.SIGKILL)
        until(lambda: supervisor.deaths("web") == 1)
        between = supervisor.pid("web")
        until(lambda: supervisor.pid("web") is not None)

        assert between is None
        assert supervisor.pid("web") != first
        assert "web was ended by SIGKILL; it is started again in 0.5 s." in output.getvalue()

    def test_comes_later_each_time(
        self, supervisor: Supervisor, output: StringIO, until: "Until"
    ) -> None:
        supervisor.start(command("web", "raise SystemExit(3)"))

        until(lambda: supervisor.deaths("web") == 2)

        assert "web ended with exit code 3; it is started again in 0.5 s." in output.getvalue()
        assert "web ended with exit code 3; it is started again in 1 s." in output.getvalue()

    def test_finds_no_orphans_of_the_dead(
        self, supervisor: Supervisor, output: StringIO, until: "Until"
    ) -> None:
        supervisor.start(command("web", PARENT))
        until(lambda: "web    | " in output.getvalue())
        grandchild = int(output.getvalue().split()[2])
        leader = supervisor.pid("web")
        assert leader

        os.kill(leader, signal.SIGKILL)
        until(lambda: supervisor.deaths("web") == 1)

        until(lambda: is_gone(grandchild))

    def test_is_tried_again_when_the_program_is_gone(
        self, supervisor: Supervisor, output: StringIO, until: "Until", tmp_path: Path
    ) -> None:
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\nrm $0\n")
        program.chmod(0o700)
        supervisor.start(Command(name="web", argv=(str(program),)))

        until(lambda: supervisor.deaths("web") == 2)

        assert "web cannot be started (No such file or directory)" in output.getvalue()


class TestStart:
    def test_says_that_there_is_no_such_program(self, supervisor: Supervisor) -> None:
        with pytest.raises(FileNotFoundError):
            supervisor.start(Command(name="web", argv=("/no/such/program",)))

    def test_adds_variables_to_ours(self, supervisor: Supervisor) -> None:
        code = "import os; print(os.environ['PLACE'], 'PATH' in os.environ)"
        argv = (sys.executable, "-c", code)

        result = supervisor.run_once(Command(name="web", argv=argv, environment={"PLACE": "here"}))

        assert result == (0, ["here True"])


class TestRunOnce:
    def test_gives_exit_code_and_lines(self, supervisor: Supervisor) -> None:
        result = supervisor.run_once(command("setup", "print('a\\nb'); raise SystemExit(4)"))

        assert result == (4, ["a", "b"])

    def test_is_stopped_with_everything_else(
        self, supervisor: Supervisor, flag: StopFlag, output: StringIO
    ) -> None:
        flag.raised = True

        with pytest.raises(StopAsked):
            supervisor.run_once(command("setup", SLEEP))

        assert output.getvalue() == ""


class TestWait:
    def test_ends_when_nobody_reads_the_output(
        self, supervisor: Supervisor, console: Console
    ) -> None:
        console.lost = True

        with pytest.raises(StopAsked):
            supervisor.wait(60)


class TestStop:
    def test_ends_stage_after_stage(
        self, supervisor: Supervisor, until: "Until", tmp_path: Path
    ) -> None:
        record = tmp_path / "record"
        code = (
            "import signal, sys, time\n"
            "def end(*_):\n"
            "    time.sleep(0.2)\n"
            f"    open({str(record)!r}, 'a').write('%s\\n')\n"
            "    sys.exit()\n"
            "signal.signal(signal.SIGTERM, end)\n"
            f"open({str(record)!r} + '%s', 'w')\n"
            "time.sleep(60)"
        )
        stages = {"redis": 2, "worker": 1, "web": 0}
        for name, stage in stages.items():
            supervisor.start(command(name, code % (name, name), stage=stage))
        until(lambda: all((tmp_path / f"record{name}").exists() for name in stages))

        supervisor.stop()

        assert record.read_text().split() == ["web", "worker", "redis"]

    def test_kills_after_the_grace(
        self, supervisor: Supervisor, output: StringIO, until: "Until"
    ) -> None:
        supervisor.start(command("web", STUBBORN, grace=0.2))
        until(lambda: "deaf" in output.getvalue())
        pid = supervisor.pid("web")
        assert pid
        began = time.monotonic()

        supervisor.stop()

        assert time.monotonic() - began < 2
        assert is_gone(pid)
        assert "web did not end within 0.2 s and was killed." in output.getvalue()

    def test_leaves_no_grandchildren(
        self, supervisor: Supervisor, output: StringIO, until: "Until"
    ) -> None:
        supervisor.start(command("web", PARENT))
        until(lambda: "web    | " in output.getvalue())
        grandchild = int(output.getvalue().split()[2])

        supervisor.stop()

        until(lambda: is_gone(grandchild))


class TestStoppingOnSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_raises_the_flag_and_nothing_else(self, number: signal.Signals) -> None:
        before = signal.getsignal(number)

        with stopping_on_signals() as flag:
            signal.raise_signal(number)

        assert flag.raised
        assert signal.getsignal(number) == before

    def test_goes_on_ignoring_a_closed_terminal(self) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

        try:
            with stopping_on_signals() as flag:
                signal.raise_signal(signal.SIGHUP)
        finally:
            signal.signal(signal.SIGHUP, before)

        assert not flag.raised


def is_gone(pid: int) -> bool:
    """Whether the process has ended. One that only waits to be buried counts."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def until(supervisor: Supervisor) -> Until:
    """`until(condition)`: let the supervisor work until the condition holds."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "it did not come about in 10 s"
            supervisor.wait(0.02)

    return wait


@pytest.fixture
def supervisor(console: Console, flag: StopFlag) -> Iterator[Supervisor]:
    """A supervisor that stops everything after the test."""
    with Supervisor(console, stop=flag) as made:
        yield made


@pytest.fixture
def flag() -> StopFlag:
    """The flag that stops the supervisor."""
    return StopFlag()


@pytest.fixture
def console(output: StringIO) -> Console:
    """A console that writes to `output`."""
    return Console(output, width=6)


@pytest.fixture
def output() -> StringIO:
    """What the processes and the supervisor said."""
    return StringIO()
