"""Attack: many connections send their bodies a byte a second, to every POST of every service.

Four of them once stopped a service, for as long as they stayed.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import chain, cycle, islice

import pytest
import requests

from shared.settings import PORTS
from tests.journeys.system import Person, System
from tests.support.slow import Target, percentile, trickling, waits

READS = {
    "accounts": "/v1/users/me",
    "customers": "/v1/customers?limit=1",
    "orders": "/v1/orders?limit=1",
    "imports": "/v1/imports?limit=1",
}
FLOOR_SECONDS = 0.02
"""Below this a difference is the machine's."""


class TestSlowBodies:
    def test_hold_up_nobody(self, kith: System, admin: Person) -> None:
        calm, attacked, answers = attack(kith, admin, connections=40, seconds=4)

        # The machine may have much else to do, so this is rough; before, nobody was answered.
        assert percentile(attacked, 0.5) <= 2 * percentile(calm, 0.5) + FLOOR_SECONDS
        assert attacked[-1] < 2
        assert answers == {}

    @pytest.mark.security
    def test_200_for_a_minute_leave_everybody_within_twice(
        self, kith: System, admin: Person
    ) -> None:
        calm, attacked, answers = attack(kith, admin, connections=200, seconds=60)

        report("slow bodies", calm, attacked)
        assert percentile(attacked, 0.99) <= max(2 * percentile(calm, 0.99), FLOOR_SECONDS)
        assert set(answers) == {408}


def attack(
    kith: System, admin: Person, *, connections: int, seconds: float
) -> tuple[list[float], list[float], dict[int, int]]:
    """What others wait without and with so many connections to each service."""
    questions = asks(admin)
    waits(questions, 1)
    calm = waits(questions, seconds)
    targets = chain.from_iterable(
        islice(cycle(posts(kith, admin, each)), connections) for each in PORTS
    )
    with trickling(list(targets)) as trickle:
        attacked = waits(questions, seconds)
    return calm, attacked, dict(trickle.answers)


def posts(kith: System, admin: Person, service: str) -> list[Target]:
    """Every POST of a service, by somebody signed in and by nobody."""
    paths = admin.get(service, "/openapi.json")["paths"]
    port, token = kith.ports[service], admin.authorization
    return [
        Target(port, re.sub(r"\{.*?\}", "0" * 24, path), holder)
        for path, methods in paths.items()
        if "post" in methods
        for holder in (None, token)
    ]


def asks(admin: Person) -> list[Callable[[], requests.Response]]:
    """What everybody else asks of each service meanwhile."""
    return [
        partial(admin.call, "GET", service, path)
        for service, read in READS.items()
        for path in ("/health/live", read)
    ]


def report(what: str, calm: list[float], attacked: list[float]) -> None:
    """Print the figures, for whoever writes them down."""
    for name, found in (("calm", calm), ("attacked", attacked)):
        p50, p99 = percentile(found, 0.5) * 1000, percentile(found, 0.99) * 1000
        figures = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {found[-1] * 1000:.1f} ms"
        print(f"{what}, {name}: {figures}")  # noqa: T201 - for whoever runs it
