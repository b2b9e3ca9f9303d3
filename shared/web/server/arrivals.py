"""Bodies on their way: each with a deadline that moves as bytes come, all together with a limit.

One clock looks after all of them, so that a body that is there at once costs next to nothing.
"""

from asyncio import AbstractEventLoop, Task, current_task, get_running_loop
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any

GRACE_SECONDS = 10.0
"""How long the first bytes may take; whoever is there at all has sent a small body by then."""

LEAST_BYTES_A_SECOND = 4096
"""What a body has to keep up, on the average, after that.

A flat time would have to be long enough for 256 MiB, and who sends a byte a second could stay as
long. 4 KiB a second is less than the slowest line on which somebody uploads a file.
"""

IDLE_SECONDS = 15.0
"""How long may pass without a byte, however fast the others came."""

MOST_AT_ONCE = 1024
"""How many bodies may be on their way; the one that is nearest to its deadline makes room.

So who is slow is refused, and not who comes last: an honest body needs its place for milliseconds.
"""

MEMORY_BYTES = 64 * 1024
"""What of a body stays in memory; the rest goes to a file. Times `MOST_AT_ONCE`, 64 MiB."""

_LOOK_SECONDS = 0.5


@dataclass(eq=False)
class Arrival:
    """A body on its way."""

    body: "SpooledTemporaryFile[bytes]"
    task: "Task[Any]"
    started: float
    last: float
    received: int = 0
    is_late: bool = False

    @property
    def deadline(self) -> float:
        """When it is too late, if nothing more comes."""
        due = self.started + GRACE_SECONDS + self.received / LEAST_BYTES_A_SECOND
        return min(due, self.last + IDLE_SECONDS)

    def count(self, size: int, now: float) -> None:
        """Note that so many bytes came."""
        self.received += size
        self.last = now


class Arrivals:
    """All bodies on their way to this process."""

    def __init__(self, *, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        # In the order in which they came; a set would have none.
        self._known: dict[Arrival, None] = {}
        self._watching = False

    @contextmanager
    def one(self) -> Iterator[Arrival]:
        """A body that begins to come; it is cancelled when it is late, and then says so."""
        loop = get_running_loop()
        if len(self._known) >= self._most:
            _give_up(min(self._known, key=lambda one: one.deadline))
        now = loop.time()
        task = current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has a task
        body = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - the reader closes it
        arrival = Arrival(body, task, now, now)
        self._known[arrival] = None
        self._watch(loop)
        try:
            yield arrival
        finally:
            self._known.pop(arrival, None)

    @contextmanager
    def excused(self, arrival: Arrival) -> Iterator[None]:
        """Time in which nobody reads, which is not the sender's fault."""
        loop = get_running_loop()
        self._known.pop(arrival, None)
        began = loop.time()
        try:
            yield
        finally:
            arrival.started += loop.time() - began
            arrival.last = loop.time()
            self._known[arrival] = None
            self._watch(loop)

    def _watch(self, loop: AbstractEventLoop) -> None:
        if not self._watching and self._known:
            self._watching = True
            loop.call_later(_LOOK_SECONDS, self._look, loop)

    def _look(self, loop: AbstractEventLoop) -> None:
        now = loop.time()
        for late in [one for one in self._known if one.deadline < now]:
            self._known.pop(late)
            _give_up(late)
        self._watching = False
        self._watch(loop)


def _give_up(arrival: Arrival) -> None:
    arrival.is_late = True
    arrival.task.cancel()
