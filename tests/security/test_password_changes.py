"""A new password or role, against who signs in or refreshes at the same moment."""

import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.journeys.system import PATIENCE, Json, Person, System
from tests.security.staff import (
    ACCOUNTS,
    NEW_PASSWORD,
    Member,
    at_once,
    change,
    hire,
    refresh,
    sign_in,
    tell,
    try_to_sign_in,
)

ROUNDS = [2, pytest.param(50, marks=pytest.mark.security)]
THIEVES = 3
DEAD_WITHIN = 5.0
SLACK = 3.0


class TestPassword:
    @pytest.mark.parametrize("rounds", ROUNDS)
    def test_throws_out_who_signs_in_meanwhile_with_the_old_one(
        self, kith: System, admin: Person, rounds: int
    ) -> None:
        taken: list[Json] = []
        for _ in range(rounds):
            owner = hire(admin)
            # So the account is known at this address, and the guesses of others hold up none of it.
            taken.append(sign_in(kith, owner))
            begun, changed = threading.Event(), threading.Event()
            changing = changer(admin, owner, {"password": NEW_PASSWORD}, begun, changed)
            at_once(changing, *[thief(kith, owner, begun, changed, taken)] * THIEVES)
            # 403 where a password that somebody else has set works once, to choose another with.
            assert try_to_sign_in(kith, owner, NEW_PASSWORD).status_code in {201, 403, 429}

        survivors = [tokens for tokens in taken if refresh(kith, tokens["refresh_token"]).ok]
        acting = [tokens for tokens in taken if me(kith, tokens) == 200]
        tell(f"{len(taken)} sign-ins with the old password in {rounds} rounds")
        assert len(taken) > rounds
        assert (survivors, acting) == ([], [])


class TestRoleAndPassword:
    @pytest.mark.parametrize("rounds", ROUNDS)
    def test_leave_no_admin_who_refreshes_meanwhile(
        self, kith: System, admin: Person, rounds: int
    ) -> None:
        taken: list[Json] = []
        for _ in range(rounds):
            thief = hire(admin, "admin")
            tokens = sign_in(kith, thief)
            begun, changed = threading.Event(), threading.Event()
            lost = {"role": "sales", "password": NEW_PASSWORD}
            changing = changer(admin, thief, lost, begun, changed)
            at_once(changing, *[refresher(kith, tokens, begun, changed, taken)] * THIEVES)

        made = [tokens for tokens in taken if makes_an_admin(kith, tokens)]
        wait_until_dead(kith, taken[-1])
        alive = [
            tokens
            for tokens in taken
            if Person(kith.ports, tokens).call("GET", "customers", "/v1/customers").ok
        ]
        tell(f"{len(taken)} refreshed tokens in {rounds} rounds")
        assert len(taken) >= rounds
        assert (made, alive) == ([], [])


def changer(
    admin: Person, member: Member, changes: Json, begun: threading.Event, changed: threading.Event
) -> Callable[[], None]:
    """Changes somebody as soon as the attack is under way."""

    def run() -> None:
        begun.wait(PATIENCE)
        answer = change(admin, member, changes)
        changed.set()
        assert answer.status_code == 200, answer.text

    return run


def thief(
    kith: System,
    owner: Member,
    begun: threading.Event,
    changed: threading.Event,
    taken: list[Json],
) -> Callable[[], None]:
    """Signs in with the old password until it is not taken."""

    def run() -> None:
        while not changed.is_set():
            answer = try_to_sign_in(kith, owner)
            begun.set()
            if answer.status_code != 201:
                return
            taken.append(answer.json())

    return run


def refresher(
    kith: System,
    tokens: Json,
    begun: threading.Event,
    changed: threading.Event,
    taken: list[Json],
) -> Callable[[], None]:
    """Refreshes from one token to the next until it is not taken."""

    def run() -> None:
        mine = tokens
        while not changed.is_set():
            answer = refresh(kith, mine["refresh_token"])
            if answer.status_code != 201:
                return
            mine = answer.json()
            taken.append(mine)
            begun.set()

    return run


def wait_until_dead(kith: System, tokens: Json) -> None:
    """Return when customers no longer takes the token, or it has been given time enough."""
    deadline = time.monotonic() + DEAD_WITHIN + SLACK
    person = Person(kith.ports, tokens)
    while person.call("GET", "customers", "/v1/customers").ok and time.monotonic() < deadline:
        time.sleep(0.2)


def me(kith: System, tokens: Json) -> int:
    """The status of asking accounts who one is."""
    return Person(kith.ports, tokens).call("GET", ACCOUNTS, "/v1/users/me").status_code


def makes_an_admin(kith: System, tokens: Json) -> bool:
    """True if accounts lets the bearer register somebody."""
    email = f"{uuid4().hex}@shop.example"
    body = {"email": email, "name": "X", "role": "admin", "password": NEW_PASSWORD}
    answer = Person(kith.ports, tokens).post(ACCOUNTS, "/v1/users", body)
    assert answer.status_code in {201, 401, 403}, answer.text
    return answer.status_code == 201
