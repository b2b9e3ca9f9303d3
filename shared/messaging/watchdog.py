"""Ends a worker that lives but reads its queue no more, so that its supervisor starts another.

When Redis dies in the very moment in which a worker acknowledges a message, Celery logs that and
goes on without ever reading its queue again, though it is connected (celery 5.7.0 with kombu 5.7.0;
celery issues 8030, 8091, 8990 and 9054 report the like). Nothing is lost by ending it: a worker
with a message in hand is not deaf.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import cast

import redis
import structlog
from celery.worker import state

from shared.messaging.broker import broker_client, queue_key
from shared.settings import Settings

log = structlog.get_logger(__name__)

DEAF_AFTER = 20.0
"""Seconds in which a worker with nothing to do takes none of the messages that wait.

Less, and one that is only slow to start or to connect again would be ended; and it has to be found,
started again, and done with what waited, all within the two minutes that are promised.
"""
LOOK_EVERY = 2.0


class Watchdog:
    """Judges a worker by looking at it from time to time.

    `waiting` is how many messages are in its queue, `taken` how many it has ever taken, and
    `is_busy` whether it has one in hand.
    """

    def __init__(
        self,
        *,
        waiting: Callable[[], int],
        taken: Callable[[], int],
        is_busy: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting = waiting
        self._taken = taken
        self._is_busy = is_busy
        self._clock = clock
        self._idle_since: float | None = None
        self._taken_then = 0

    def is_deaf(self) -> bool:
        """True if messages have waited for long for a worker that had nothing else to do."""
        taken = self._taken()
        if self._is_busy() or taken != self._taken_then or not self._some_wait():
            self._idle_since, self._taken_then = None, taken
            return False
        if self._idle_since is None:
            self._idle_since = self._clock()
        return self._clock() - self._idle_since >= DEAF_AFTER

    def _some_wait(self) -> bool:
        try:
            return self._waiting() > 0
        except redis.RedisError:
            # Nobody can read a queue while Redis is away.
            return False


def guard(service: str, settings: Settings) -> None:
    """End this process, a worker of `service`, when it is deaf."""
    broker = broker_client(settings)
    key = queue_key(settings, service)
    watchdog = Watchdog(
        waiting=lambda: cast(int, broker.llen(key)),
        taken=lambda: int(state.all_total_count[0]),
        is_busy=lambda: bool(state.reserved_requests),
    )
    # A thread, since what Celery itself calls from time to time would stand still with it.
    threading.Thread(target=_watch, args=(service, watchdog), daemon=True).start()


def _watch(service: str, watchdog: Watchdog) -> None:
    while not watchdog.is_deaf():
        time.sleep(LOOK_EVERY)
    log.critical("worker_deaf", service=service)
    # To end in good order it would have to read its queue.
    os._exit(os.EX_TEMPFAIL)
