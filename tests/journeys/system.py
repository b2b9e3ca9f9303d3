"""The whole of Kith as a user starts it, and what a journey asks of it from outside."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from typing import Any, TypeVar

import requests
from pymongo import MongoClient

from services.accounts import documents as accounts
from services.customers import documents as customers
from services.imports import documents as imports
from services.orders import documents as orders
from shared import secrets
from shared.local.ports import LOOPBACK
from shared.settings import OPERATOR, PORTS, SERVER_PORTS

Json = dict[str, Any]
Found = TypeVar("Found")

ADMIN = {"email": "owner@shop.example", "password": "a password to test with"}
ARGV = (sys.executable, "-m", "services")
# These would lead a run elsewhere than to the ports and the folder it is given here.
ASTRAY = {"MONGO_URL", "REDIS_URL", "SECRETS_DIR", "DATABASE_PREFIX", "TOKEN", "HOST"} | {
    f"{service.upper()}_URL" for service in PORTS
}
# Against hanging for ever, and not a promise: the machine may have much else to do.
PATIENCE = 300.0
OUTBOXES = {
    service: [collection.name for collection in documents.COLLECTIONS if collection.outbox]
    for service, documents in {
        "accounts": accounts,
        "customers": customers,
        "orders": orders,
        "imports": imports,
    }.items()
}


class Person:
    """Somebody who is signed in, or nobody."""

    def __init__(self, ports: dict[str, int], tokens: Json | None = None) -> None:
        self._ports = ports
        self._session = requests.Session()
        self._session.trust_env = False
        if tokens is not None:
            self._session.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    @property
    def authorization(self) -> str:
        """The header that they send."""
        return str(self._session.headers["Authorization"])

    def call(self, method: str, service: str, path: str, **options: Any) -> requests.Response:
        """What a service answers."""
        url = f"http://{LOOPBACK}:{self._ports[service]}{path}"
        return self._session.request(method, url, timeout=60, **options)

    def get(self, service: str, path: str) -> Any:
        """What is found at a path."""
        answer = self.call("GET", service, path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, service: str, path: str, body: Json, **options: Any) -> requests.Response:
        """What a service answers to a JSON body."""
        return self.call("POST", service, path, json=body, **options)


@dataclass(frozen=True, kw_only=True)
class System:
    """Kith, running."""

    process: "subprocess.Popen[bytes]"
    ports: dict[str, int]
    environment: dict[str, str]
    log: Path

    def sign_in(self, email: str, password: str) -> Person:
        """Somebody who has signed in."""
        answer = Person(self.ports).post(
            "accounts", "/v1/tokens", {"email": email, "password": password}
        )
        assert answer.status_code == 201, answer.text
        return Person(self.ports, answer.json())

    def admin(self) -> Person:
        """The first admin, signed in again."""
        return self.sign_in(**ADMIN)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of Kith's to its end."""
        with self.start(*arguments) as process:
            said, complained = process.communicate(timeout=3 * PATIENCE)
        return subprocess.CompletedProcess(arguments, process.returncode, said, complained)

    @contextmanager
    def start(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """A command of Kith's, running; killed in the end if it still does."""
        process = subprocess.Popen(  # noqa: S603 - our own interpreter runs our own code.
            (*ARGV, *arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def pids(self, *arguments: str) -> set[int]:
        """The processes of this system, or those that run one command of Kith's."""
        mark = f"DATA_DIR={self.environment['DATA_DIR']}".encode()
        wanted = [argument.encode() for argument in ("services", *arguments)]
        return {
            int(folder.name)
            for folder in Path("/proc").iterdir()
            if folder.name.isdigit()
            and mark in _read(folder / "environ").split(b"\0")
            and (not arguments or _read(folder / "cmdline").split(b"\0")[-4:-1] == wanted)
        }

    def kill(self, *arguments: str) -> None:
        """Kill the processes that run one command of Kith's, all at once."""
        killed = self.pids(*arguments)
        assert killed
        for pid in killed:
            # One may have ended with the one that it belonged to.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def secrets(self) -> Path:
        """Where the folders of secrets are."""
        return Path(self.environment["DATA_DIR"]) / "secrets"

    def mongo(self, user: str = "", password: str = "") -> MongoClient[Json]:
        """A client of MongoDB who signs in as this user, by their own password or another."""
        url = f"mongodb://{LOOPBACK}:{self.ports['mongo']}/?directConnection=true"
        if not user:
            return MongoClient(url)
        password = password or secrets.require(self.secrets / user, "mongo_password")
        return MongoClient(url, username=user, password=password, authSource="admin")

    def waiting_events(self) -> int:
        """The number of documents with events that were not handled yet."""
        with self.mongo(OPERATOR) as client:
            return sum(
                client[f"kith_{service}"][name].count_documents({"outbox.0": {"$exists": True}})
                for service, names in OUTBOXES.items()
                for name in names
            )


@contextmanager
def running(folder: Path) -> Iterator[System]:
    """Kith, started as `make run` starts it, and stopped as Ctrl-C does."""
    ports = _free_ports([*PORTS, *SERVER_PORTS])
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ASTRAY},
        **{f"{name.upper()}_PORT": str(port) for name, port in ports.items()},
        "DATA_DIR": str(folder / "data"),
        "SAMPLE": "0",
        "ADMIN_EMAIL": ADMIN["email"],
        "ADMIN_PASSWORD": ADMIN["password"],
    }
    log = folder / "run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter runs our own code.
            (*ARGV, "run"), env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    system = System(process=process, ports=ports, environment=environment, log=log)
    try:
        wait_for(lambda: _is_ready(system), "Kith is ready")
        yield system
    finally:
        # If a journey has left it running; otherwise this does nothing.
        process.terminate()
        process.wait(timeout=60)


def wait_for(look: Callable[[], Found], what: str) -> Found:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"Waited in vain: {what}."
        time.sleep(0.2)
    return found


def _is_ready(system: System) -> bool:
    said = system.log.read_text(errors="replace")
    assert system.process.poll() is None, said
    return "Kith is ready." in said


def _free_ports(names: list[str]) -> dict[str, int]:
    # At once, or the same port could be given twice.
    with ExitStack() as held:
        sockets = [held.enter_context(create_server((LOOPBACK, 0))) for _ in names]
        return {name: each.getsockname()[1] for name, each in zip(names, sockets, strict=True)}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        # It has ended meanwhile, or is somebody else's.
        return b""
