"""The same kills against plain calls of Celery tasks, for comparison. Nothing of Kith is in it.

`python -m tests.faults.plain_celery SETTINGS REDIS_URL PREFIX` is a worker.
"""

import signal
import sys
import time
from dataclasses import dataclass
from random import Random
from typing import Any

import redis
from celery import Celery

from tests.faults.processes import Process, wait_until
from tests.faults.system import Servers

QUIET_SECONDS = 20.0
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "late": {"task_acks_late": True, "task_reject_on_worker_lost": True},
}
VISIBILITY_SECONDS = 10
"""Kinder than the hour that is the default: what a killed worker held comes back within the test.

The tasks take milliseconds, so none is handed out twice because of it.
"""
TASK_SECONDS = 0.02
PAUSE = 0.02
"""Between two calls, on the average: two processes have half of what they can do."""
BUSY = 20


@dataclass(frozen=True)
class Outcome:
    """What became of some calls."""

    kills: int
    calls: int
    lost: int
    doubled: int


def create(settings: str, url: str, prefix: str) -> tuple[Celery, Any]:
    """An application, and its one task, which counts each call."""
    celery = Celery("plain", broker=url, set_as_current=False)
    transport = {"visibility_timeout": VISIBILITY_SECONDS, "global_keyprefix": f"{prefix}:"}
    celery.conf.update(
        broker_transport_options=transport, task_ignore_result=True, **SETTINGS[settings]
    )
    broker = redis.Redis.from_url(url)

    def count(number: int) -> None:
        time.sleep(TASK_SECONDS)
        broker.hincrby(f"{prefix}:done", str(number), 1)

    return celery, celery.task(name="plain.count", shared=False)(count)


def kill_workers(
    servers: Servers, log: Any, settings: str, *, kills: int, prefix: str, seed: int
) -> Outcome:
    """Call a task again and again while its worker is killed; how many were lost and doubled."""
    chance = Random(seed)  # noqa: S311 - the same dice for the same seed.
    worker = Process(
        name=prefix,
        argv=(
            sys.executable,
            "-m",
            "tests.faults.plain_celery",
            settings,
            servers.redis.open_url,
            prefix,
        ),
        log=log,
    )
    celery, task = create(settings, servers.redis.open_url, prefix)
    calls, done = 0, f"{prefix}:done"
    with celery, servers.redis.client() as broker:
        servers.keeper.start(worker)
        wait_until(lambda: task.delay(0) and broker.hlen(done), "it works", seconds=60)
        while worker.kills < kills:
            until, counted = time.monotonic() + chance.uniform(1.0, 2.0), _count(broker, done)
            # Not before it has begun to work, or there would be nothing to lose.
            while time.monotonic() < until or _count(broker, done) < counted + BUSY:
                calls += 1
                task.delay(calls)
                time.sleep(chance.uniform(0, 2 * PAUSE))
            _kill(worker)
        _wait_until_still(broker, prefix)
        servers.keeper.end(worker)
        results: Any = broker.hgetall(done)
    counts = [int(results.get(str(number).encode(), 0)) for number in range(1, calls + 1)]
    return Outcome(
        kills=kills,
        calls=calls,
        lost=counts.count(0),
        doubled=sum(1 for count in counts if count > 1),
    )


def _count(broker: redis.Redis, key: str) -> int:
    found: Any = broker.hlen(key)
    return int(found)


def _kill(worker: Process) -> None:
    before = worker.kills
    worker.send(signal.SIGKILL)
    wait_until(lambda: worker.kills > before, "the worker is dead", seconds=60)


def _wait_until_still(broker: redis.Redis, prefix: str) -> None:
    """Return when nothing was counted for as long as anything may still come back."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS + VISIBILITY_SECONDS:
        done: Any = broker.hvals(f"{prefix}:done")
        total = sum(map(int, done))
        if total != last:
            last, since = total, time.monotonic()
        time.sleep(0.5)


if __name__ == "__main__":
    application, _ = create(*sys.argv[1:4])
    application.worker_main(["--quiet", "worker", "--concurrency=2", "--loglevel=WARNING"])
