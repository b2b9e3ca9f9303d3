"""Threads that answer requests, and their outcomes, brought back to the event loop.

A `ThreadPoolExecutor` would do the same; it costs a tenth of a small request, above all by waking
the loop for every outcome. Most outcomes say only that a request is answered, and can wait.
"""

from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Outcome = TypeVar("Outcome")

_COLLECT_SECONDS = 0.1

_Job = tuple["Future[Any]", bool, Callable[..., Any], tuple[Any, ...]]
_Settled = tuple["Future[Any]", Any, BaseException | None]


class Threads:
    """So many threads, started as they are needed, for one loop."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads: list[Thread] = []
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._settled: deque[_Settled] = deque()
        self._under_way = 0
        self._collecting = False

    def begin(self, loop: AbstractEventLoop) -> None:
        """Bring outcomes back to this loop."""
        self._loop = loop

    def close(self) -> None:
        """End when all jobs are done."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def run(
        self, function: Callable[..., Outcome], *arguments: Any, at_once: bool = True
    ) -> "Future[Outcome]":
        """The outcome of a call in a thread; if not `at_once`, somewhat later."""
        self._collect()
        if len(self._threads) < self._count:
            self._threads.append(Thread(target=self._work, name="web", daemon=True))
            self._threads[-1].start()
        future: Future[Outcome] = self._loop.create_future()
        self._under_way += 1
        self._jobs.put((future, at_once, function, arguments))
        if not self._collecting:
            self._collecting = True
            self._loop.call_later(_COLLECT_SECONDS, self._collect_later)
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, at_once, function, arguments = job
            try:
                settled: _Settled = (future, function(*arguments), None)
            except BaseException as error:
                settled = (future, None, error)
            self._settled.append(settled)
            if at_once or settled[2] is not None:
                self._loop.call_soon_threadsafe(self._collect)
            # Otherwise the last request would stay in memory until the next one comes.
            del job, future, function, arguments, settled

    def _collect(self) -> None:
        while self._settled:
            future, outcome, error = self._settled.popleft()
            self._under_way -= 1
            if future.cancelled():
                continue
            if error is None:
                future.set_result(outcome)
            else:
                future.set_exception(error)

    def _collect_later(self) -> None:
        self._collect()
        self._collecting = self._under_way > 0
        if self._collecting:
            self._loop.call_later(_COLLECT_SECONDS, self._collect_later)
