"""Launcher of `make run`: starts and stops servers and services. Knows nothing of their work."""

import http.client
import json
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.tools import servers
from services.tools.settings import LauncherSettings, keep_from_children, load_launcher
from shared.local.binaries import ServerMissing
from shared.local.output import Console
from shared.local.ports import LOOPBACK, FolderTaken, PortTaken, check_ports
from shared.local.servers import ServerFailed
from shared.local.signals import stopping_on_signals
from shared.local.supervisor import Command, StopAsked, Supervisor
from shared.secrets import SecretMissing
from shared.settings import SettingsInvalid

# Every process must be ready within this many seconds. An old laptop with a cold disk needs some.
PATIENCE = 90.0
# A process that died this often has a fault that waiting does not mend.
TRIES = 4
# In this order the processes are stopped: first who takes new work, then who does it.
FIRST, SECOND = 0, 1
# Seconds from SIGTERM to SIGKILL. With that of the servers they add up to less than ten, in which
# everything is to be gone. Workers need the most: they end the task they are at.
GRACES = {FIRST: 2.0, SECOND: 4.0}
ONE_SHOT_GRACE = 0.5
WIDTH = len("customers-worker")
ARGV = (sys.executable, "-m", "services")
# How the setup step's line on signing in begins, which is repeated at the end: it would be lost.
SIGN_IN = "sign in: "


class StartFailed(Exception):
    """Something did not start; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The processes to run once the servers are there."""

    setup: Command
    """Runs to its end before anything else starts."""
    processes: tuple[Command, ...]
    ready: Mapping[str, int]
    """The processes that answer on a port, and which; all of them must be ready."""
    sample: Command | None
    """Runs to its end when all are ready."""


def run() -> int:
    """Run Kith until a signal comes, and return the exit code."""
    console = Console(sys.stdout, width=WIDTH)
    try:
        settings = load_launcher()
        keep_from_children()
        _run(settings, console=console)
    except (
        SettingsInvalid,
        PortTaken,
        FolderTaken,
        SecretMissing,
        ServerMissing,
        ServerFailed,
        StartFailed,
    ) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def plan(settings: LauncherSettings, *, mongo_url: str, redis_url: str) -> Plan:
    """The processes of Kith, which are given where everything is."""
    environment = _environment(settings, mongo_url=mongo_url, redis_url=redis_url)

    def once(name: str, **variables: str) -> Command:
        return Command(
            name=name,
            argv=(*ARGV, name),
            environment={**environment, **variables},
            grace=ONE_SHOT_GRACE,
        )

    def each(kind: str, stage: int) -> Iterator[Command]:
        for service in settings.ports:
            yield Command(
                name=f"{service}-{kind}",
                argv=(*ARGV, kind, service),
                environment=environment,
                stage=stage,
                grace=GRACES[stage],
            )

    return Plan(
        setup=once("setup", ADMIN_PASSWORD=settings.admin_password),
        # The webs come first, because the others keep trying until they are there.
        processes=(*each("web", FIRST), *each("worker", SECOND), *each("relay", SECOND)),
        ready={f"{service}-web": port for service, port in settings.ports.items()},
        sample=once("sample") if settings.sample else None,
    )


def launch(
    plan: Plan, *, supervisor: Supervisor, console: Console, patience: float = PATIENCE
) -> str:
    """Start everything of the plan and wait until it is ready, `patience` seconds at most.

    :return: what the setup step said about signing in.
    :raises StartFailed: the setup step failed, or a process did not become ready.
    :raises PortTaken: somebody else holds the port of a process.
    :raises StopAsked: while waiting.
    """
    code, lines = supervisor.run_once(plan.setup)
    if code:
        raise StartFailed(
            f"The {plan.setup.name} step failed (exit code {code}); its lines above say why."
        )
    for command in plan.processes:
        supervisor.start(command)
    _await(plan, supervisor=supervisor, patience=patience)
    if plan.sample and supervisor.run_once(plan.sample)[0]:
        console.line("kith", "The sample could not be loaded; everything else runs.")
    said = [line.removeprefix(SIGN_IN) for line in lines if line.startswith(SIGN_IN)]
    return said[-1] if said else "with the password you know"


def welcome(settings: LauncherSettings, *, sign_in: str) -> str:
    """The text that the user reads when all is ready: addresses, and how to sign in."""
    places = "\n".join(
        f"  {service:<10} http://{LOOPBACK}:{port}   docs: http://{LOOPBACK}:{port}/docs"
        for service, port in settings.ports.items()
    )
    credentials = {"email": settings.admin_email, "password": "PASSWORD"}
    return f"""
Kith is ready.

{places}

Sign in: {sign_in}

  curl -s http://{LOOPBACK}:{settings.ports["accounts"]}/v1/tokens \\
    -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(credentials))}

Ctrl-C stops everything; the data stay for the next start.
"""


def _run(settings: LauncherSettings, *, console: Console) -> None:
    check_ports(_ports(settings))
    with (
        servers.home(settings) as home,
        stopping_on_signals() as flag,
        Supervisor(console, stop=flag) as supervisor,
    ):
        try:
            mongo_url, redis_url = servers.start(settings, home=home, supervisor=supervisor)
            processes = plan(settings, mongo_url=mongo_url, redis_url=redis_url)
            sign_in = launch(processes, supervisor=supervisor, console=console)
            console.plain(welcome(settings, sign_in=sign_in))
            while True:
                supervisor.wait(1)
        except StopAsked:
            console.line("kith", "Stopping.")


def _ports(settings: LauncherSettings) -> dict[str, int]:
    wanted = {_port_variable(service): port for service, port in settings.ports.items()}
    if not settings.mongo_url:
        wanted["MONGO_PORT"] = settings.mongo_port
    if not settings.redis_url:
        wanted["REDIS_PORT"] = settings.redis_port
    return wanted


def _port_variable(service: str) -> str:
    return f"{service.upper()}_PORT"


def _environment(settings: LauncherSettings, *, mongo_url: str, redis_url: str) -> dict[str, str]:
    ports = {_port_variable(service): str(port) for service, port in settings.ports.items()}
    urls = {
        f"{service.upper()}_URL": f"http://{LOOPBACK}:{port}"
        for service, port in settings.ports.items()
    }
    return {
        **ports,
        **urls,
        "MONGO_PORT": str(settings.mongo_port),
        "REDIS_PORT": str(settings.redis_port),
        "MONGO_URL": mongo_url,
        "REDIS_URL": redis_url,
        # Some shells export a HOST of their own, the name of the machine.
        "HOST": LOOPBACK,
        "ADMIN_EMAIL": settings.admin_email,
    }


def _await(plan: Plan, *, supervisor: Supervisor, patience: float) -> None:
    began, waiting = time.monotonic(), dict(plan.ready)
    while waiting := {name: port for name, port in waiting.items() if not _is_ready(port)}:
        _give_up_on_the_dying(plan, supervisor=supervisor)
        if time.monotonic() - began > patience:
            raise StartFailed(
                f"{', '.join(waiting)} did not become ready within {patience:g} s; its lines "
                "above say why."
            )
        supervisor.wait(0.1)


def _give_up_on_the_dying(plan: Plan, *, supervisor: Supervisor) -> None:
    for name, port in plan.ready.items():
        if supervisor.deaths(name) and supervisor.pid(name) is None:
            # Free at first, but servers start after that look, and connections take ports too.
            check_ports({_port_variable(name.removesuffix("-web")): port})
    for command in plan.processes:
        if supervisor.deaths(command.name) >= TRIES:
            raise StartFailed(f"{command.name} ends again and again; its lines above say why.")


def _is_ready(port: int) -> bool:
    # Not by a library that would ask a proxy named in the environment for our own machine.
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
