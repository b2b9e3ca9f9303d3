import os
import subprocess
import sys
from dataclasses import dataclass, field, replace

import pytest
import redis

from shared.messaging.broker import queue_key
from shared.messaging.watchdog import DEAF_AFTER, Watchdog
from shared.settings import Settings

GUARDED = (
    "import time; from shared.messaging import watchdog; from shared.settings import load; "
    "watchdog.DEAF_AFTER = watchdog.LOOK_EVERY = 0.1; watchdog.guard('things', load()); "
    "time.sleep(60)"
)


@dataclass
class Worker:
    """A worker as a watchdog sees it."""

    waiting: int = 1
    taken: int = 0
    is_busy: bool = False
    now: float = 0.0
    has_redis: bool = True
    watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(
            waiting=self._count,
            taken=lambda: self.taken,
            is_busy=lambda: self.is_busy,
            clock=lambda: self.now,
        )

    def looks_deaf_after(self, seconds: float) -> bool:
        """What the watchdog says, that many seconds later."""
        self.now += seconds
        return self.watchdog.is_deaf()

    def _count(self) -> int:
        if not self.has_redis:
            raise redis.ConnectionError
        return self.waiting


class TestWatchdog:
    def test_calls_deaf_who_leaves_messages_waiting(self) -> None:
        worker = Worker()

        assert not worker.looks_deaf_after(0)
        assert not worker.looks_deaf_after(DEAF_AFTER - 1)
        assert worker.looks_deaf_after(1)

    def test_does_not_mind_who_has_nothing_to_hear(self) -> None:
        worker = Worker(waiting=0)

        assert not any(worker.looks_deaf_after(DEAF_AFTER) for _ in range(3))

    def test_does_not_mind_who_is_busy(self) -> None:
        worker = Worker(is_busy=True)

        assert not any(worker.looks_deaf_after(DEAF_AFTER) for _ in range(3))

    def test_begins_anew_when_one_was_taken(self) -> None:
        worker = Worker()
        worker.looks_deaf_after(0)
        worker.taken += 1

        assert not worker.looks_deaf_after(DEAF_AFTER)
        assert not worker.looks_deaf_after(1)
        assert worker.looks_deaf_after(DEAF_AFTER)

    def test_begins_anew_when_redis_was_away(self) -> None:
        worker = Worker()
        worker.looks_deaf_after(0)
        worker.has_redis = False
        assert not worker.looks_deaf_after(DEAF_AFTER)
        worker.has_redis = True

        assert not worker.looks_deaf_after(DEAF_AFTER)
        assert worker.looks_deaf_after(DEAF_AFTER)


class TestGuard:
    def test_ends_a_process_that_does_not_hear(self, wired: Settings) -> None:
        with redis.Redis.from_url(wired.redis_url) as broker:
            broker.lpush(queue_key(wired, "things"), "a message")

            ended = run(wired)

            broker.delete(queue_key(wired, "things"))
        assert ended.returncode == os.EX_TEMPFAIL
        assert "worker_deaf" in ended.stdout + ended.stderr

    def test_leaves_one_alone_that_has_nothing_to_hear(self, wired: Settings) -> None:
        with pytest.raises(subprocess.TimeoutExpired):
            run(wired, seconds=5)


def run(settings: Settings, *, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
    """A guarded process that reads nothing, until it is ended."""
    return subprocess.run(  # noqa: S603 - our own interpreter runs our own code.
        (sys.executable, "-c", GUARDED),
        env={
            **os.environ,
            "REDIS_URL": settings.redis_url,
            "DATABASE_PREFIX": settings.database_prefix,
        },
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@pytest.fixture
def wired(settings: Settings, redis_url: str) -> Settings:
    """Settings that lead to the real Redis."""
    return replace(settings, redis_url=redis_url)
