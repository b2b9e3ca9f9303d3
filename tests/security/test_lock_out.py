"""A stranger who tries wrong passwords so that the owner of an account cannot get in."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from uuid import uuid4

import pytest

from tests.journeys.system import Person, System, wait_for
from tests.support.callers import Caller, new_address

PASSWORD = "a password to be let in with"
PAUSE = 0.5
IN_TIME = 2.0
FIRST = 8
"""Wrong passwords of each stranger before an owner comes: more than are let through in a row."""


@dataclass(frozen=True, kw_only=True)
class Siege:
    """What came of an attack: how owners got in, each time, and what strangers were answered."""

    calm: float
    """The seconds it took before."""
    seconds: list[float]
    tries: list[int]
    answers: list[int]


class TestLockOut:
    def test_of_an_owner_is_not_to_be_had(self, kith: System, admin: Person) -> None:
        siege = besiege(kith, admin, seconds=10, accounts=1)

        assert len(siege.tries) >= 2
        assert len(siege.answers) >= 2 * FIRST
        assert max(siege.tries) <= 2

    @pytest.mark.security
    def test_of_many_is_not_to_be_had_for_minutes(self, kith: System, admin: Person) -> None:
        siege = besiege(kith, admin, seconds=90, accounts=3)

        figures = f"in {len(siege.seconds)} times, after {max(siege.seconds):.2f} s at most"
        assert len(siege.seconds) >= 30, figures
        assert len(siege.answers) >= 6 * FIRST
        assert 429 in siege.answers
        assert max(siege.tries) <= 2
        # Unless the machine has so much else to do that it would take as long in peace.
        assert max(siege.seconds) <= max(IN_TIME, 10 * siege.calm), figures


def besiege(kith: System, admin: Person, *, seconds: float, accounts: int) -> Siege:
    """Attack accounts from elsewhere and from where their owners sign in, who go on doing so."""
    port = kith.ports["accounts"]
    homes = {register(admin): new_address() for _ in range(accounts)}
    began = time.monotonic()
    for email, home in homes.items():
        # Lately.
        assert Caller(port, home).try_in(email, PASSWORD).status_code == 201
    calm = (time.monotonic() - began) / accounts
    away = new_address()
    strangers = [*((away, email) for email in homes), *((homes[email], email) for email in homes)]
    taken, tries, answers = list[float](), list[int](), list[int]()
    with attacking(port, strangers, answers):
        wait_for(lambda: len(answers) >= FIRST * len(strangers), "the attack is under way")
        ends_at = time.monotonic() + seconds
        # At all places of the rhythm of those who attack, who have time enough in between.
        for pause in cycle((3.1, 0.97, 4.3, 0.49, 2.21)):
            if time.monotonic() > ends_at:
                break
            for email, home in homes.items():
                began = time.monotonic()
                tries.append(tries_to_get_in(Caller(port, home), email))
                taken.append(time.monotonic() - began)
            time.sleep(pause)
    return Siege(calm=calm, seconds=taken, tries=tries, answers=answers)


@contextmanager
def attacking(port: int, strangers: list[tuple[str, str]], answers: list[int]) -> Iterator[None]:
    over = threading.Event()

    def attack(address: str, email: str) -> None:
        caller = Caller(port, address)
        while not over.wait(PAUSE):
            answer = caller.try_in(email, "wrong")
            # Or 503, where all that runs beside this leaves no processor for a hash.
            assert answer.status_code in {401, 429, 503}
            answers.append(answer.status_code)

    threads = [threading.Thread(target=attack, args=one) for one in strangers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def tries_to_get_in(owner: Caller, email: str) -> int:
    for number in range(1, 20):
        if owner.try_in(email, PASSWORD).status_code == 201:
            return number
        time.sleep(0.2)
    raise AssertionError("The owner is locked out.")


def register(admin: Person) -> str:
    email = f"{uuid4().hex}@shop.example"
    body = {"email": email, "name": "Sam", "role": "sales", "password": PASSWORD}
    assert admin.post("accounts", "/v1/users", body).status_code == 201
    return email
