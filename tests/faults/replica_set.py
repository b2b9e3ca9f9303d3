"""A MongoDB of three members, whose primary can be killed, stopped, or made to step down."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, PyMongoError

from shared.local.binaries import find_mongod
from shared.local.mongod import REPLICA_SET, mongod_argv
from shared.local.ports import LOOPBACK, free_port
from shared.mongo import logins
from tests.faults.processes import Keeper, Process, wait_until

MEMBERS = 3
PATIENCE = 60.0


class ReplicaSet:
    """Three mongods on loopback with a key, and the time-outs that MongoDB comes with."""

    def __init__(self, folder: Path, keeper: Keeper, *, key_file: Path) -> None:
        self._keeper = keeper
        self._login = logins.as_server(key_file.read_text().strip())
        self._members: dict[int, Process] = {}
        while len(self._members) < MEMBERS:
            port = free_port()
            data = folder / f"mongod-{port}"
            data.mkdir()
            log = folder / f"mongod-{port}.log"
            argv = mongod_argv(find_mongod(), directory=data, log=log, port=port, key_file=key_file)
            self._members[port] = Process(
                name=f"mongod {port}", argv=_small(argv), log=folder / f"mongod-{port}.out"
            )
        hosts = ",".join(f"{LOOPBACK}:{port}" for port in self._members)
        self.url = f"mongodb://{hosts}/?replicaSet={REPLICA_SET}"
        self.pauses = 0

    def start(self) -> None:
        """Start the members and make them one set."""
        for member in self._members.values():
            self._keeper.start(member)
        ports = list(self._members)
        wait_until(
            lambda: all(self._hello(port) is not None for port in ports),
            "all members of MongoDB answer",
            seconds=PATIENCE,
        )
        members = [
            {"_id": number, "host": f"{LOOPBACK}:{port}"} for number, port in enumerate(ports)
        ]
        with _direct(ports[0], self._login) as client:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        self.wait_for_all()

    def wait_for_all(self) -> None:
        """Return when there is a primary and the others follow it."""
        wait_until(self._is_whole, "MongoDB has a primary and two followers", seconds=PATIENCE)

    def wait_for_primary(self) -> float:
        """Return when there is a primary that others know of; how many seconds that took."""
        return wait_until(lambda: self._primary() is not None, "a primary", seconds=PATIENCE)

    @property
    def elections(self) -> int:
        """How many elections were won since the set was made: its term."""
        terms = [self._term(port) for port in self._members]
        return max(term for term in terms if term is not None)

    @property
    def kills(self) -> int:
        """How many members were killed."""
        return sum(member.kills for member in self._members.values())

    def kill_primary(self) -> None:
        """SIGKILL it; it is started again at once, as a container is."""
        self._members[self.primary].send(signal.SIGKILL)

    def step_down(self) -> None:
        """Have the primary hand over to another."""
        with _direct(self.primary, self._login) as client, suppress(AutoReconnect):
            # For so short that two in a row find somebody who may follow.
            client.admin.command("replSetStepDown", 6, secondaryCatchUpPeriodSecs=5)

    def pause_primary(self, seconds: float) -> None:
        """Stop the primary without ending it, as a machine that hangs, and let it go on later."""
        member = self._members[self.primary]
        assert member.send(signal.SIGSTOP)
        self.pauses += 1
        try:
            time.sleep(seconds)
        finally:
            member.send(signal.SIGCONT)

    def lose_what_one_member_has(self, write: Callable[[], object]) -> None:
        """Call `write` while the primary alone works, and kill it before others have caught up."""
        primary = self._members[self.primary]
        others = [member for member in self._members.values() if member is not primary]
        # Killed and not stopped: what was sent to one that is stopped waits in its sockets, and it
        # would find it there.
        for member in others:
            self._keeper.end(member)
        try:
            write()
        finally:
            self._keeper.end(primary)
            for member in others:
                self._keeper.restart(member)
        try:
            self.wait_for_primary()
        finally:
            self._keeper.restart(primary)
        self.wait_for_all()

    @property
    def primary(self) -> int:
        """The port of the primary."""
        self.wait_for_primary()
        found = self._primary()
        if found is None:
            return self.primary
        return found

    def _primary(self) -> int | None:
        for port, member in self._members.items():
            hello = self._hello(port) if member.run is not None else None
            if hello is not None and hello["isWritablePrimary"]:
                return port
        return None

    def _is_whole(self) -> bool:
        answers = [self._hello(port) for port in self._members]
        states = [(one["isWritablePrimary"], one["secondary"]) for one in answers if one]
        return sorted(states) == [(False, True), (False, True), (True, False)]

    def _hello(self, port: int) -> dict[str, Any] | None:
        return self._ask(port, "hello", {})

    def _term(self, port: int) -> int | None:
        answer = self._ask(port, "replSetGetStatus", self._login)
        return None if answer is None else int(answer["term"])

    def _ask(self, port: int, command: str, login: logins.Login) -> dict[str, Any] | None:
        try:
            with _direct(port, login) as client:
                answer: dict[str, Any] = client.admin.command(command)
                return answer
        except PyMongoError:
            # It is not there, or hangs.
            return None


def _direct(port: int, login: logins.Login) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        LOOPBACK,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=1_000,
        connectTimeoutMS=1_000,
        socketTimeoutMS=8_000,
        **login,
    )


def _small(argv: tuple[str, ...]) -> list[str]:
    """The command line of a member that shares the machine with two others."""
    small = list(argv)
    small[small.index("--wiredTigerCacheSizeGB") + 1] = "0.25"
    small[small.index("--oplogSize") + 1] = "128"
    return small
