"""Access tokens after signing out, and after accounts has stopped answering."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import pytest

from shared.settings import PORTS
from tests.journeys.system import Json, Person, System
from tests.security.staff import hire, sign_in, sign_out, tell

DEAD_WITHIN = 5.0
SLACK = 3.0
LISTS = {
    "accounts": "/v1/users/me",
    "customers": "/v1/customers",
    "orders": "/v1/orders",
    "imports": "/v1/imports",
}
CUSTOMER = {"last_name": "Ng"}


class TestSignOut:
    @pytest.mark.parametrize("rounds", [1, pytest.param(50, marks=pytest.mark.security)])
    def test_ends_access_tokens_everywhere(self, kith: System, admin: Person, rounds: int) -> None:
        took = dict.fromkeys(PORTS, 0.0)
        ended: list[Json] = []
        for _ in range(rounds):
            tokens = sign_in(kith, hire(admin))
            person = Person(kith.ports, tokens)
            delegated = person.post("accounts", "/v1/tokens/delegations", {"to": "imports"}).json()
            for service in PORTS:
                person.get(service, LISTS[service])
            ended += [tokens, delegated]
            sign_out(kith, tokens)
            assert status(kith, "accounts", tokens) == 401

        begun = time.monotonic()
        for service in PORTS:
            while any(status(kith, service, tokens) != 401 for tokens in ended):
                assert time.monotonic() - begun < DEAD_WITHIN + SLACK
                time.sleep(0.1)
            took[service] = time.monotonic() - begun
        tell(f"{len(ended)} tokens dead everywhere after {max(took.values()):.1f} s at most")


class TestStalledAccounts:
    @pytest.mark.security
    def test_changes_nothing_after_thirty_seconds_and_reads_on(
        self, kith: System, admin: Person
    ) -> None:
        tokens = sign_in(kith, hire(admin))
        person, reader = Person(kith.ports, tokens), Person(kith.ports, sign_in(kith, hire(admin)))
        calm = durations(person, 200)
        sign_out(kith, tokens)
        with stalled(kith):
            begun, changed_at = time.monotonic(), [0.0]
            waits: list[float] = []
            while time.monotonic() - begun < 40:
                answer = person.post("customers", "/v1/customers", CUSTOMER)
                if answer.status_code == 201:
                    changed_at.append(time.monotonic() - begun)
                waits += durations(reader, 10)
                time.sleep(0.2)
            late = [
                person.call(method, service, path, json={}).status_code
                for method, service, path in (
                    ("POST", "customers", "/v1/customers"),
                    ("POST", "orders", "/v1/orders"),
                    ("PATCH", "customers", "/v1/customers/" + "0" * 24),
                    ("DELETE", "customers", "/v1/customers/" + "0" * 24),
                )
            ]
            owner = admin.post("customers", "/v1/customers", CUSTOMER)
        tell(
            f"last change by a revoked token after {max(changed_at):.1f} s; p99 of reads "
            f"{p99(calm) * 1000:.0f} ms calm, {p99(waits) * 1000:.0f} ms while accounts is stalled"
        )
        assert max(changed_at) < 35
        assert not {201, 200, 204}.intersection(late)
        assert owner.status_code == 503
        assert int(owner.headers["Retry-After"]) > 0

        deadline = time.monotonic() + 30
        while admin.post("customers", "/v1/customers", CUSTOMER).status_code != 201:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert status(kith, "customers", tokens) == 401


def status(kith: System, service: str, tokens: Json) -> int:
    """The status of a list for the bearer of these tokens."""
    return Person(kith.ports, tokens).call("GET", service, LISTS[service]).status_code


def durations(person: Person, count: int) -> list[float]:
    """The seconds that each of so many reads took."""
    took = []
    for _ in range(count):
        begun = time.monotonic()
        person.get("customers", "/v1/customers")
        took.append(time.monotonic() - begun)
    return took


def p99(seconds: list[float]) -> float:
    """What 99 of 100 stay below."""
    return quantiles(seconds, n=100)[-1]


@contextmanager
def stalled(kith: System) -> Iterator[None]:
    """Stop the web processes of accounts, which then take connections and answer nothing."""
    family = kith.pids("web", "accounts")
    for pid in sorted(kith.pids()):
        if parent(pid) in family:
            family.add(pid)
    assert family
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)


def parent(pid: int) -> int:
    """The process that started this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
