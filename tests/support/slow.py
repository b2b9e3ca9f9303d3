"""Connections that send their bodies a byte a second, and what others wait meanwhile."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

import requests

from shared.local.ports import LOOPBACK

BODY_BYTES = 1000


@dataclass(frozen=True)
class Target:
    """A request to send slowly."""

    port: int
    path: str
    token: str | None = None

    def head(self) -> bytes:
        """Everything before the body."""
        signed = f"Authorization: {self.token}\r\n" if self.token else ""
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: kith\r\n{signed}"
            f"Content-Type: application/json\r\nContent-Length: {BODY_BYTES}\r\n\r\n"
        ).encode()


@dataclass
class Trickle:
    """Connections, each of which opens again when it is closed; `answers` counts the statuses."""

    targets: Sequence[Target]
    answers: Counter[int] = field(default_factory=Counter)
    opened: int = 0

    def run(self, stopped: Event) -> None:
        """Send until it is stopped."""
        lines = [self._open(target) for target in self.targets]
        while not stopped.wait(1.0):
            for place, line in enumerate(lines):
                if not self._step(line):
                    line.close()
                    lines[place] = self._open(self.targets[place])
        for line in lines:
            line.close()

    def _open(self, target: Target) -> socket.socket:
        line = socket.create_connection((LOOPBACK, target.port), timeout=10)
        line.sendall(target.head())
        line.setblocking(False)
        self.opened += 1
        return line

    def _step(self, line: socket.socket) -> bool:
        """Send a byte, unless there is an answer already."""
        with suppress(BlockingIOError):
            answer = line.recv(100)
            if answer.startswith(b"HTTP/1.1 "):
                self.answers[int(answer.split()[1])] += 1
            return False
        with suppress(OSError):
            line.send(b" ")
            return True
        return False


@contextmanager
def trickling(targets: Sequence[Target]) -> Iterator[Trickle]:
    """These connections, until the end."""
    trickle, stopped = Trickle(targets), Event()
    thread = Thread(target=trickle.run, args=(stopped,))
    thread.start()
    try:
        yield trickle
    finally:
        stopped.set()
        thread.join()


def waits(asks: Sequence[Callable[[], requests.Response]], seconds: float) -> list[float]:
    """How long each of these questions waited for its answer, asked in turn for so long."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for ask in asks:
            began = time.monotonic()
            answer = ask()
            found.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text
        time.sleep(0.005)
    return sorted(found)


def percentile(found: Sequence[float], share: float) -> float:
    """The wait that this share of all did not exceed."""
    return found[min(len(found) - 1, int(len(found) * share))]
