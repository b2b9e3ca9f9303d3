import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path

import pytest

from services.tools import run as launcher
from services.tools.settings import LauncherSettings
from shared.local import servers
from shared.local.output import Console
from shared.local.ports import LOOPBACK, PortTaken, folder, free_port
from shared.local.signals import StopFlag
from shared.local.supervisor import Command, StopAsked, Supervisor
from shared.settings import PORTS, SERVER_PORTS

# Answers GET /health/ready with the status it is told.
WEB = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2]) if self.path == '/health/ready' else 404)
        self.end_headers()
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
"""
SLEEP = "import time; time.sleep(60)"
ARGV = (sys.executable, "-m", "services", "run")


def command(name: str, code: str, *arguments: str) -> Command:
    """A stand-in for a process of Kith."""
    return Command(name=name, argv=(sys.executable, "-c", code, *arguments))


def plan(port: int, *, setup: str = "", web: str = WEB, sample: str | None = None) -> launcher.Plan:
    """A plan of stand-ins with one web process and one worker."""
    return launcher.Plan(
        setup=command("setup", setup),
        processes=(command("web", web, str(port), "200"), command("worker", SLEEP)),
        ready={"web": port},
        sample=command("sample", sample) if sample is not None else None,
    )


class TestPlan:
    def test_has_web_worker_and_relay_of_every_service(self, settings: LauncherSettings) -> None:
        made = launcher.plan(settings, mongo_url="mongodb://m", redis_url="redis://r")

        assert {process.name for process in made.processes} == {
            f"{service}-{kind}" for service in PORTS for kind in ("web", "worker", "relay")
        }
        assert made.ready == {
            "accounts-web": 1,
            "customers-web": 2,
            "orders-web": 3,
            "imports-web": 4,
        }
        assert made.processes[0].argv == (sys.executable, "-m", "services", "web", "accounts")
        assert made.setup.argv == (sys.executable, "-m", "services", "setup")

    def test_tells_every_process_where_everything_is(self, settings: LauncherSettings) -> None:
        made = launcher.plan(settings, mongo_url="mongodb://m", redis_url="redis://r")

        for process in (made.setup, *made.processes):
            assert process.environment["MONGO_URL"] == "mongodb://m"
            assert process.environment["REDIS_URL"] == "redis://r"
            assert process.environment["ORDERS_PORT"] == "3"
            assert process.environment["ORDERS_URL"] == "http://127.0.0.1:3"
            assert process.environment["HOST"] == "127.0.0.1"

    def test_hands_the_password_to_the_setup_alone(
        self, make_settings: Callable[..., LauncherSettings]
    ) -> None:
        made = launcher.plan(make_settings(admin_password="secret"), mongo_url="", redis_url="")
        assert made.sample

        holders = [
            process.name
            for process in (made.setup, made.sample, *made.processes)
            if "secret" in process.environment.values()
        ]
        assert holders == ["setup"]

    def test_stops_the_webs_first_and_all_within_ten_seconds(
        self, settings: LauncherSettings
    ) -> None:
        made = launcher.plan(settings, mongo_url="mongodb://m", redis_url="redis://r")
        assert made.sample

        graces = {process.stage: process.grace for process in made.processes}
        stages = {process.name.partition("-")[2]: process.stage for process in made.processes}
        assert stages["web"] < stages["worker"] == stages["relay"]
        assert sum(graces.values()) + made.sample.grace + servers.GRACE < 9.5

    def test_leaves_the_sample_out_when_it_is_not_wanted(
        self, make_settings: Callable[..., LauncherSettings]
    ) -> None:
        made = launcher.plan(make_settings(sample=False), mongo_url="", redis_url="")

        assert made.sample is None


class TestLaunch:
    def test_runs_setup_then_processes_then_the_sample(
        self, supervisor: Supervisor, console: Console, output: StringIO
    ) -> None:
        port = free_port()
        wanted = plan(port, setup="print('built')", sample="print('filled')")

        launcher.launch(wanted, supervisor=supervisor, console=console)

        assert answers(port) == 200
        assert output.getvalue().index("built") < output.getvalue().index("filled")

    def test_repeats_how_to_sign_in(self, supervisor: Supervisor, console: Console) -> None:
        setup = "print('one'); print('sign in: as me with 123'); print('two')"

        said = launcher.launch(
            plan(free_port(), setup=setup), supervisor=supervisor, console=console
        )

        assert said == "as me with 123"

    def test_starts_nothing_when_setup_fails(
        self, supervisor: Supervisor, console: Console
    ) -> None:
        port = free_port()

        with pytest.raises(launcher.StartFailed) as failure:
            launcher.launch(
                plan(port, setup="raise SystemExit(3)"), supervisor=supervisor, console=console
            )

        assert str(failure.value) == (
            "The setup step failed (exit code 3); its lines above say why."
        )
        with pytest.raises(ConnectionRefusedError):
            answers(port)

    def test_names_a_process_that_dies_again_and_again(
        self, supervisor: Supervisor, console: Console
    ) -> None:
        with pytest.raises(launcher.StartFailed) as failure:
            launcher.launch(
                plan(free_port(), web="raise SystemExit(1)"), supervisor=supervisor, console=console
            )

        assert str(failure.value) == "web ends again and again; its lines above say why."

    def test_names_a_port_that_somebody_took_meanwhile(
        self, supervisor: Supervisor, console: Console
    ) -> None:
        with socket.create_server((LOOPBACK, 0)) as somebody:
            port = somebody.getsockname()[1]

            with pytest.raises(PortTaken) as failure:
                launcher.launch(
                    plan(port, web="raise SystemExit(1)"), supervisor=supervisor, console=console
                )

        assert str(failure.value) == (
            f"Port {port} is taken by another program; WEB_PORT names another port."
        )

    def test_names_a_process_that_does_not_become_ready(
        self, supervisor: Supervisor, console: Console
    ) -> None:
        with pytest.raises(launcher.StartFailed) as failure:
            launcher.launch(
                plan(free_port(), web=SLEEP),
                supervisor=supervisor,
                console=console,
                patience=0.2,
            )

        assert str(failure.value) == (
            "web did not become ready within 0.2 s; its lines above say why."
        )

    def test_goes_on_without_the_sample_when_that_fails(
        self, supervisor: Supervisor, console: Console, output: StringIO
    ) -> None:
        wanted = plan(free_port(), sample="raise SystemExit(1)")

        launcher.launch(wanted, supervisor=supervisor, console=console)

        assert "The sample could not be loaded; everything else runs." in output.getvalue()

    def test_can_be_stopped_while_it_waits(
        self, supervisor: Supervisor, console: Console, flag: StopFlag
    ) -> None:
        flag.raised = True

        with pytest.raises(StopAsked):
            launcher.launch(plan(free_port(), web=SLEEP), supervisor=supervisor, console=console)


class TestWelcome:
    def test_tells_addresses_and_how_to_sign_in(self, settings: LauncherSettings) -> None:
        text = launcher.welcome(settings, sign_in="admin@example.com with 123")

        assert "  customers  http://127.0.0.1:2   docs: http://127.0.0.1:2/docs\n" in text
        assert "Sign in: admin@example.com with 123\n" in text
        assert "curl -s http://127.0.0.1:1/v1/tokens" in text
        assert """-d '{"email": "admin@example.com", "password": "PASSWORD"}'""" in text


class TestRefusal:
    def test_names_a_taken_port_before_anything_starts(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        taken = environment["ORDERS_PORT"]
        with socket.create_server((LOOPBACK, int(taken))):
            ended = run({**environment, "DATA_DIR": str(tmp_path / "data")})

        assert ended.returncode == 1
        assert ended.stderr == (
            f"Port {taken} is taken by another program; ORDERS_PORT names another port.\n"
        )
        assert not (tmp_path / "data").exists()

    def test_names_a_variable_that_cannot_be_read(self, environment: dict[str, str]) -> None:
        ended = run({**environment, "ORDERS_PORT": "many"})

        assert ended.returncode == 1
        assert "ORDERS_PORT" in ended.stderr
        assert ended.stderr.count("\n") == 1

    def test_names_data_in_use(self, environment: dict[str, str], tmp_path: Path) -> None:
        with folder(tmp_path):
            ended = run({**environment, "DATA_DIR": str(tmp_path)})

        assert ended.returncode == 1
        assert "in use by another run" in ended.stderr
        assert "DATA_DIR" in ended.stderr

    def test_names_a_folder_that_cannot_hold_the_secrets(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / "secrets").touch()

        ended = run({**environment, "DATA_DIR": str(tmp_path)})

        assert ended.returncode == 1
        assert ended.stderr == (
            f"The secrets in {tmp_path}/secrets cannot be made (File exists); DATA_DIR names "
            "another folder.\n"
        )

    def test_names_a_secret_that_was_emptied(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / "secrets" / "orders").mkdir(parents=True)
        (tmp_path / "secrets" / "orders" / "mongo_password").touch()

        ended = run({**environment, "DATA_DIR": str(tmp_path)})

        assert ended.returncode == 1
        assert ended.stderr == (
            f"{tmp_path}/secrets/orders/mongo_password is empty; put back what was in it, or "
            "remove it.\n"
        )

    def test_names_a_given_server_that_does_not_answer(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        with socket.create_server((LOOPBACK, 0)) as somebody:
            alive, dead = somebody.getsockname()[1], free_port()
            given = {
                "MONGO_URL": f"mongodb://127.0.0.1:{alive}/",
                "REDIS_URL": f"redis://127.0.0.1:{dead}/0",
                "DATA_DIR": str(tmp_path / "data"),
            }

            ended = run({**environment, **given})

        assert ended.returncode == 1
        assert ended.stderr.startswith("The Redis that REDIS_URL names does not answer: ")
        # With servers of the user's own there is nothing to keep here.
        assert not (tmp_path / "data").exists()


class TestRun:
    def test_serves_until_a_signal_comes_and_leaves_nothing_behind(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        with started({**environment, "DATA_DIR": str(tmp_path)}) as process:
            said = read_until(process, "Ctrl-C stops everything")
            statuses = {answers(int(environment[f"{name.upper()}_PORT"])) for name in PORTS}
            family = descendants(process.pid)
            asked = time.monotonic()
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=30)[0]
            took = time.monotonic() - asked

        assert "\nsetup            | " in said
        assert "\nSign in: " in said
        assert statuses == {200}
        assert process.returncode == 0, rest
        assert took < 10
        assert len(family) >= 3 * len(PORTS) + 2
        assert [pid for pid in family if is_running(pid)] == []


def run(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the launcher to its end."""
    return subprocess.run(  # noqa: S603 - our own interpreter runs our own code.
        ARGV, env=environment, capture_output=True, text=True, timeout=60
    )


@contextmanager
def started(environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """The launcher, running; killed in the end if it still does."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter runs our own code.
        ARGV, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """What the process prints up to a line with those words."""
    said = ""
    assert process.stdout
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"The launcher ended early:\n{said}")


def answers(port: int, path: str = "/health/ready") -> int:
    """The status with which somebody on the port answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those they have."""
    children = [
        int(found)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for found in (task / "children").read_text().split()
    ]
    return children + [found for child in children for found in descendants(child)]


def is_running(pid: int) -> bool:
    """Whether the process is there. One that only waits to be buried is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.fixture
def settings(make_settings: Callable[..., LauncherSettings]) -> LauncherSettings:
    """What `make run` reads from an empty environment, but for the ports."""
    return make_settings()


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., LauncherSettings]:
    """`make_settings(sample=…, admin_password=…)`: what `make run` reads."""

    def make(*, sample: bool = True, admin_password: str = "") -> LauncherSettings:
        return LauncherSettings(
            mongo_url="",
            redis_url="",
            mongo_port=5,
            redis_port=6,
            data_dir=tmp_path,
            sample=sample,
            admin_email="admin@example.com",
            admin_password=admin_password,
            ports={name: number for number, name in enumerate(PORTS, start=1)},
        )

    return make


@pytest.fixture
def environment() -> dict[str, str]:
    """Variables that give every server and service a free port."""
    names = [*PORTS, *SERVER_PORTS]
    # At once, or the same port could be given twice.
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server((LOOPBACK, 0))) for _ in names]
        ports = [str(each.getsockname()[1]) for each in sockets]
    chosen = {f"{name.upper()}_PORT": port for name, port in zip(names, ports, strict=True)}
    return {**os.environ, **chosen}


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
    """What the processes and the launcher said."""
    return StringIO()
