"""Kith in real processes on a replica set of three and a Redis, all of which may be killed."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from services.tools import secrets, setup
from shared.document import Document
from shared.local.ports import LOOPBACK, free_port
from shared.messaging.broker import broker_client
from shared.mongo.client import connect, service_database
from shared.settings import OPERATOR, PORTS, Settings, load
from tests.faults import books
from tests.faults.points import EXIT_CODE
from tests.faults.process import VARIABLE, Switch
from tests.faults.processes import Keeper, Process, wait_until
from tests.faults.redis_server import RedisServer
from tests.faults.replica_set import ReplicaSet

PASSWORD = "a password to test with"
QUIET_WITHIN = 120.0
"""Seconds after the last fault in which every change has had its effect."""
PATIENCE = 90.0
RUNNING = {"web": ("accounts", "customers", "orders"), "relay": ("customers", "orders")} | {
    "worker": ("customers", "orders")
}
TOKEN_SECONDS = 300
_GIVEN = (-signal.SIGKILL, EXIT_CODE, os.EX_TEMPFAIL)
"""How relays and workers may end: killed, at a named point, or by a worker's own watchdog."""


@dataclass(frozen=True, kw_only=True)
class Servers:
    """What all systems of a session share."""

    mongo: ReplicaSet
    redis: RedisServer
    keeper: Keeper
    secrets: Path
    """The folders of secrets, one for each service."""


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """A replica set and a Redis that ask for passwords, gone in the end."""
    root = folder / "secrets"
    secrets.make(root)
    with Keeper() as keeper:
        servers = Servers(
            mongo=ReplicaSet(folder, keeper, key_file=secrets.mongo_key(root)),
            redis=RedisServer(folder, keeper, users=secrets.redis_login(root)),
            keeper=keeper,
            secrets=root,
        )
        servers.redis.start()
        servers.mongo.start()
        yield servers


class System:
    """Web, relay and worker processes of accounts, customers and orders."""

    def __init__(self, settings: Settings, servers: Servers, folder: Path, switch: Switch) -> None:
        self.settings = settings
        self.servers = servers
        self.client: MongoClient[Document] = connect(settings)
        self.points = folder / "points"
        self.points.mkdir(exist_ok=True)
        self.ports = {service: free_port() for service in PORTS}
        self._switch = {"points": str(self.points), **switch}
        self._token, self._token_until = "", 0.0
        self._lock = threading.Lock()
        self._resent: set[str] = set()
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.processes = {
            f"{kind} {service}": self._process(kind, service, folder)
            for kind, services in RUNNING.items()
            for service in services
        }

    def base(self, service: str) -> Database[Document]:
        """The database of a service."""
        return service_database(self.client, self.settings, service)

    def url(self, service: str) -> str:
        """Where a service answers."""
        return f"http://{LOOPBACK}:{self.ports[service]}"

    def start(self) -> None:
        """Start all processes, and return when all webs are ready."""
        for process in self.processes.values():
            self.servers.keeper.start(process)
        self._watcher.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when all webs are ready."""
        for service in RUNNING["web"]:
            wait_until(
                partial(self._is_ready, service),
                f"{service} is ready",
                seconds=PATIENCE,
            )

    def kill(self, name: str) -> bool:
        """SIGKILL a process and its children; whether it was there."""
        return self.processes[name].send(signal.SIGKILL)

    def restart(self, name: str, **switch: Any) -> None:
        """End a process and start it again with another switch."""
        process = self.processes[name]
        self.servers.keeper.end(process)
        self._switch = {**self._switch, **switch}
        process.environment = {**process.environment, VARIABLE: json.dumps(self._switch)}
        self.servers.keeper.restart(process)

    def token(self) -> str:
        """An access token of the admin, that is good for minutes more."""
        with self._lock:
            if time.monotonic() > self._token_until:
                wait_until(self._sign_in, "somebody could sign in", seconds=PATIENCE)
            return self._token

    def wait_until_quiet(self, *, within: float = QUIET_WITHIN) -> float:
        """Return when every event was handled and confirmed; how many seconds that took.

        :raises Lost: it did not come to that in time.
        """
        try:
            return wait_until(self._is_quiet, "everything was handled", seconds=within)
        except TimeoutError as error:
            raise books.Lost(f"{error} {books.waiting(self.base)} documents wait.") from error

    @property
    def resent(self) -> int:
        """How many events were seen to be sent more than once."""
        return len(self._resent)

    def _watch(self) -> None:
        """Look into the outboxes for what is sent again, before its receipt takes it out."""
        while not self._closing.wait(0.2):
            # What it misses while MongoDB is away was there, but nobody can say so.
            with suppress(PyMongoError):
                for service, name in books.SENDERS.items():
                    waiting = self.base(service)[name].find({"outbox.to": {"$exists": True}})
                    for document in waiting.hint("outbox_due"):
                        self._resent |= {
                            entry["id"] for entry in document["outbox"] if entry["sent"] > 1
                        }

    def close(self) -> None:
        """End all processes and drop the databases."""
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for process in self.processes.values():
            self.servers.keeper.end(process)
        for service in PORTS:
            self.client.drop_database(self.base(service).name)
        self.client.close()
        with broker_client(self.settings) as broker:
            for key in broker.scan_iter(f"{self.settings.database_prefix}:*", count=1_000):
                broker.delete(key)

    def _process(self, kind: str, service: str, folder: Path) -> Process:
        environment = {
            "MONGO_URL": self.settings.mongo_url,
            "REDIS_URL": self.settings.redis_url,
            "SECRETS_DIR": str(self.servers.secrets / service),
            "DATABASE_PREFIX": self.settings.database_prefix,
            "LOG_LEVEL": "WARNING",
            "WEB_WORKERS": "1",
            # Celery starts the next child only at its next look, five seconds apart.
            "WORKER_PROCESSES": "2",
            VARIABLE: json.dumps(self._switch),
            **{f"{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
            **{f"{name.upper()}_URL": self.url(name) for name in self.ports},
        }
        return Process(
            name=f"{kind} {service} {self.settings.database_prefix}",
            argv=(sys.executable, "-m", "tests.faults.process", kind, service),
            environment=environment,
            log=folder / f"{kind}-{service}.log",
        )

    def _is_ready(self, service: str) -> bool:
        try:
            answer = requests.get(f"{self.url(service)}/health/ready", timeout=5)
        except requests.RequestException:
            return False
        return bool(answer.status_code == requests.codes.ok)

    def _sign_in(self) -> bool:
        body = {"email": self.settings.admin_email, "password": PASSWORD}
        try:
            answer = requests.post(f"{self.url('accounts')}/v1/tokens", json=body, timeout=20)
        except requests.RequestException:
            return False
        if answer.status_code != requests.codes.created:
            return False
        self._token = answer.json()["access_token"]
        self._token_until = time.monotonic() + TOKEN_SECONDS
        return True

    def deaf(self) -> int:
        """How many workers ended because they had become deaf."""
        return sum(process.codes.count(os.EX_TEMPFAIL) for process in self.processes.values())

    def refuse_failures(self) -> None:
        """Make sure that relays and workers ended by nothing but what a test did to them.

        :raises Lost: one did not.
        """
        for name, process in self.processes.items():
            # A web whose children die one soon after the other ends of itself, to be started again.
            unexpected = [code for code in process.codes if code not in _GIVEN]
            if unexpected and "web" not in name:
                said = process.log.read_text(errors="replace")[-2_000:]
                raise books.Lost(f"{name} ended with exit code {unexpected[0]}: {said}")

    def _is_quiet(self) -> bool:
        self.refuse_failures()
        return books.waiting(self.base) == 0


def settings_for(servers: Servers) -> Settings:
    """Settings that lead to these servers, and to databases that nobody else has."""
    return replace(
        load(),
        mongo_url=servers.mongo.url,
        redis_url=servers.redis.url,
        mongo_user=OPERATOR,
        redis_user=OPERATOR,
        secrets_dir=servers.secrets / OPERATOR,
        database_prefix=f"faults_{uuid4().hex[:12]}",
        admin_email="owner@shop.example",
        admin_password=PASSWORD,
    )


@contextmanager
def running_system(servers: Servers, folder: Path, **switch: Any) -> Iterator[System]:
    """A system on databases of its own, with these faults in its processes; gone in the end."""
    settings = settings_for(servers)
    list(setup.run(settings))
    system = System(settings, servers, folder, switch)
    try:
        system.start()
        yield system
    finally:
        system.close()
