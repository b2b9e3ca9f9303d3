"""Faults that real processes suffer while people use the shop, each a function of a system.

Each raises `Lost` if anything was lost or doubled, fails if its faults did not really happen, and
returns figures.
"""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from random import Random
from typing import Any

from tests.faults import books, points
from tests.faults.crowd import Crowd, percentile, result
from tests.faults.processes import wait_until
from tests.faults.redis_server import RedisServer
from tests.faults.system import System

Figures = dict[str, Any]

FLOOR = 0.25
"""Seconds below which an answer counts as quick: two busy cores are not measured finer.

Whoever waited for Redis would wait for its time-outs, which are seconds.
"""
WINDOWS = 3
BEGINNING = 2.5
"""Seconds from the start of a process until it surely works, so that a kill costs it something."""


@contextmanager
def trading(system: System, *, seed: int, size: int = 3) -> Iterator[Crowd]:
    """People use the shop meanwhile; after it, when all has come to rest, the books balance."""
    crowd = Crowd(system, seed=seed, size=size)
    with crowd.at_work():
        wait_until(lambda: crowd.orders() >= 5, "the first orders", seconds=60)
        yield crowd
    balance(system, crowd)


def balance(system: System, crowd: Crowd) -> float:
    """Wait until all has come to rest and check the books; returns how many seconds it took.

    :raises Lost: they do not balance.
    """
    took = system.wait_until_quiet()
    books.check(system.base, also=crowd.findings(system.base))
    return took


def crash_at_points(system: System, *, rounds: int, seed: int) -> Figures:
    """At each named point in turn a process ends itself; in a round, one of each process."""
    chance = Random(seed)  # noqa: S311 - the same dice for the same seed.
    crowd = Crowd(system, seed=seed, pause=0.15)
    turns = list(islice(_rounds(chance), rounds))
    recovery = []
    for number, names in enumerate(turns):
        for name in names:
            points.arm(system.points, name, at_pass=chance.randrange(1, points.MAX_PASSES + 1))
        with crowd.at_work():
            wait_until(
                partial(_all_died, system, names),
                f"a process died at each of {names}",
                seconds=120,
            )
        if number % 3 == 2 or number == rounds - 1:
            # Not more often in a row, or an event would be dead-lettered that was never to blame.
            recovery.append(balance(system, crowd))
    died = Counter(points.deaths(system.points))
    assert died == Counter(name for names in turns for name in names), "not all died as told"
    assert system.resent, "nothing was sent again"
    return {
        "crash-point runs": died.total(),
        "points": len(died),
        "orders": crowd.orders(),
        "events sent again": system.resent,
        "longest recovery s": round(max(recovery), 1),
    }


def _all_died(system: System, names: Sequence[str]) -> bool:
    system.refuse_failures()
    return not any(points.is_armed(system.points, name) for name in names)


def _rounds(chance: Random) -> Iterator[tuple[str, ...]]:
    """One point of each process a round, so that each comes as often as the others of its own."""
    groups: dict[tuple[str, str], list[str]] = {}
    for point in points.POINTS:
        groups.setdefault((point.process, point.service), []).append(point.name)
    for names in groups.values():
        chance.shuffle(names)
    return zip(*(cycle(names) for names in groups.values()), strict=True)


def kill_at_random(system: System, kills: dict[str, int], *, seed: int) -> Figures:
    """SIGKILL relays, worker groups and webs at random, each as often as `kills` says."""
    chance = Random(seed)  # noqa: S311 - the same dice for the same seed.
    names = [name for name, count in kills.items() for _ in range(count)]
    chance.shuffle(names)
    with trading(system, seed=seed) as crowd:
        for name in names:
            kill_for_sure(system, name)
            time.sleep(chance.uniform(0.1, 0.8))
        ended = time.monotonic()
    died = {name: system.processes[name].kills for name in kills}
    assert died == kills, "not all were killed as often as they should"
    assert system.resent, "nothing was sent again"
    return {
        **{f"kills of {name}": count for name, count in died.items()},
        "orders": crowd.orders(),
        "events sent again": system.resent,
        "recovery s": round(time.monotonic() - ended, 1),
    }


def kill_for_sure(system: System, name: str) -> None:
    """Kill a process, as soon as there is one that has had the time to begin its work."""
    process, before = system.processes[name], system.processes[name].kills
    wait_until(lambda: process.has_run_for(BEGINNING), f"{name} runs", seconds=60)
    wait_until(lambda: system.kill(name), f"{name} runs", seconds=60)
    wait_until(lambda: process.kills > before, f"{name} has ended", seconds=60)


@dataclass(frozen=True, kw_only=True)
class RedisFaults:
    """The length of each fault of Redis, in seconds, and the number of each."""

    down: float
    stopped: float
    full: float
    times: int


def break_redis(system: System, faults: RedisFaults, *, seed: int) -> Figures:
    """Redis is killed, stopped, emptied and filled; whoever uses HTTP may not notice."""
    server = system.servers.redis
    killed_before, flushed, refused = server.process.kills, 0, 0
    with trading(system, seed=seed) as crowd:
        calm, stopped = 0.0, 0.0
        for number in range(faults.times):
            server.kill(down=faults.down)
            if number == 0:
                calm, stopped = _windows(crowd, server, faults.stopped)
            server.kill(down=faults.down, empty=True)
            refused += server.fill(faults.full)
            flushed += server.flush()
        ended = time.monotonic()
    recovery = time.monotonic() - ended
    broken = [status for _, _, status in crowd.answers if status == 0 or status >= 500]
    if broken:
        raise books.Lost(f"Callers over HTTP noticed Redis: {Counter(broken)}.")
    kills = server.process.kills - killed_before
    assert kills == 2 * faults.times, "Redis was not killed"
    assert flushed, "nothing was in Redis when it was emptied"
    assert refused, "Redis refused nothing when it was full"
    assert system.resent, "nothing was sent again"
    return {
        "kills of Redis": kills,
        "keys flushed": flushed,
        "commands refused when full": refused,
        "events sent again": system.resent,
        "deaf workers replaced": system.deaf(),
        "p99 ms calm": round(calm * 1_000, 1),
        "p99 ms Redis stopped": round(stopped * 1_000, 1),
        "orders": crowd.orders(),
        "recovery s": round(recovery, 1),
    }


def _windows(crowd: Crowd, server: RedisServer, seconds: float) -> tuple[float, float]:
    """The p99 without and with Redis stopped, which have to be near each other.

    On a machine that has other things to do this is looked at more than once.

    :raises Lost: they never were.
    """
    for _ in range(WINDOWS):
        before = _seconds_of(crowd, lambda: time.sleep(seconds))
        stopped = _seconds_of(crowd, lambda: server.pause(seconds))
        calm = max(before, _seconds_of(crowd, lambda: time.sleep(seconds)))
        if stopped <= max(2 * calm, FLOOR):
            return calm, stopped
    raise books.Lost(f"p99 was {stopped:.3f} s while Redis was stopped, and {calm:.3f} s before.")


def _seconds_of(crowd: Crowd, during: Callable[[], object]) -> float:
    """The p99 of the requests that were sent meanwhile."""
    began = time.monotonic()
    during()
    ended = time.monotonic()
    took = [took for sent, took, _ in crowd.answers if began <= sent < ended]
    # Of fewer than a hundred it is the slowest one.
    assert len(took) >= 30, f"{len(took)} requests say nothing"
    return percentile(took, 0.99)


def break_mongodb(system: System, faults: Sequence[str], *, seed: int, pause: float) -> Figures:
    """The primary steps down, is killed or hangs; nothing acknowledged is lost.

    Callers get 503 with Retry-After at worst, and that within 15 seconds.
    """
    mongo = system.servers.mongo
    elections, killed, paused = mongo.elections, mongo.kills, mongo.pauses
    act: dict[str, Callable[[], object]] = {
        "step down": mongo.step_down,
        "kill": mongo.kill_primary,
        "pause": lambda: mongo.pause_primary(pause),
    }
    gaps = []
    with trading(system, seed=seed) as crowd:
        for fault in faults:
            began = time.monotonic()
            act[fault]()
            _wait_for_orders(crowd)
            gaps.append(time.monotonic() - began)
            mongo.wait_for_all()
        ended = time.monotonic()
    recovery = time.monotonic() - ended
    broken = [status for _, _, status in crowd.answers if status == 0]
    if broken:
        raise books.Lost(f"{len(broken)} requests got no answer while MongoDB was broken.")
    won = mongo.elections - elections
    assert won >= len(faults), f"{won} elections, of {len(faults)} that should be"
    assert mongo.kills - killed == faults.count("kill"), "the primary was not killed"
    assert mongo.pauses - paused == faults.count("pause"), "the primary was not stopped"
    refused = [status for _, _, status in crowd.answers if status == 503]
    return {
        "elections": won,
        "kills of the primary": faults.count("kill"),
        "503 answers": len(refused),
        "orders": crowd.orders(),
        "longest until orders again s": round(max(gaps), 1),
        "recovery s": round(recovery, 1),
        **result(crowd.answers),
    }


def _wait_for_orders(crowd: Crowd) -> None:
    placed = crowd.orders()
    wait_until(lambda: crowd.orders() > placed + 10, "orders again", seconds=90)


def bank(system: System, *, seconds: float, seed: int) -> Figures:
    """Everything at once and at random; at the end the sums agree to the last cent."""
    chance = Random(seed)  # noqa: S311 - the same dice for the same seed.
    redis, mongo = system.servers.redis, system.servers.mongo
    names = [name for name in system.processes if "accounts" not in name]
    faults: dict[str, tuple[int, Callable[[], object]]] = {
        "kill of a process": (12, lambda: kill_for_sure(system, chance.choice(names))),
        "flush of Redis": (2, redis.flush),
        "kill of Redis": (2, lambda: redis.kill(empty=chance.random() < 0.5)),
        "stop of Redis": (1, lambda: redis.pause(chance.uniform(0.5, 3))),
        "stop of a process": (2, lambda: _pause(system, chance.choice(names), chance)),
        "primary steps down": (1, mongo.step_down),
    }
    kinds = list(faults)
    weights = [weight for weight, _ in faults.values()]
    done: Counter[str] = Counter()
    with trading(system, seed=seed) as crowd:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            kind = chance.choices(kinds, weights)[0]
            faults[kind][1]()
            done[kind] += 1
            time.sleep(chance.uniform(0.1, 1.0))
        mongo.wait_for_all()
        ended = time.monotonic()
    assert done.total() >= seconds / 10, "hardly anything went wrong"
    return {
        **done,
        "orders": crowd.orders(),
        "events sent again": system.resent,
        "recovery s": round(time.monotonic() - ended, 1),
    }


def _pause(system: System, name: str, chance: Random) -> None:
    process = system.processes[name]
    if process.send(signal.SIGSTOP):
        time.sleep(chance.uniform(0.5, 2))
        process.send(signal.SIGCONT)
