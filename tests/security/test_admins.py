"""Admins who act while they lose their rights."""

import threading
from collections.abc import Callable
from functools import partial
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
    sign_in,
    tell,
)

ROUNDS = [2, pytest.param(50, marks=pytest.mark.security)]


class TestSwitchedOff:
    @pytest.mark.parametrize("rounds", ROUNDS)
    @pytest.mark.parametrize("lost", [{"active": False}, {"role": "sales"}], ids=str)
    def test_makes_no_new_admin(self, kith: System, admin: Person, rounds: int, lost: Json) -> None:
        made_afterwards = made_before = 0
        for _ in range(rounds):
            thief = hire(admin, "admin")
            acting = Person(kith.ports, sign_in(kith, thief))
            begun, ended = threading.Event(), threading.Event()
            taking = taker(admin, thief, lost, begun, ended)
            _, *counts = at_once(taking, *[maker(acting, begun, ended)] * 2)
            made_before += sum(before for before, _ in counts)
            made_afterwards += sum(after for _, after in counts)

        tell(f"{made_before} admins made before, {made_afterwards} after, in {rounds} rounds")
        assert made_before > 0
        assert made_afterwards == 0


class TestTwo:
    @pytest.mark.parametrize("rounds", ROUNDS)
    @pytest.mark.parametrize("lost", [{"active": False}, {"role": "sales"}], ids=str)
    def test_do_not_switch_each_other_off(
        self, kith: System, admin: Person, rounds: int, lost: Json
    ) -> None:
        statuses = []
        for _ in range(rounds):
            first, second = (hire(admin, "admin") for _ in range(2))
            one, other = (Person(kith.ports, sign_in(kith, each)) for each in (first, second))

            answers = at_once(
                partial(change, one, second, lost), partial(change, other, first, lost)
            )

            statuses.append(tuple(sorted(answer.status_code for answer in answers)))
            left = [admin.get(ACCOUNTS, f"/v1/users/{each.id}") for each in (first, second)]
            assert sum(each["active"] and each["role"] == "admin" for each in left) == 1
            for each in (first, second):
                now = admin.call("GET", ACCOUNTS, f"/v1/users/{each.id}")
                admin.call(
                    "PATCH",
                    ACCOUNTS,
                    f"/v1/users/{each.id}",
                    json={"active": False},
                    headers={"If-Match": now.headers["ETag"]},
                )

        tell(f"two admins at once: { {pair: statuses.count(pair) for pair in set(statuses)} }")
        # 401 is whose request came when all was over.
        assert set(statuses) <= {(200, 403), (200, 409), (200, 401)}


def taker(
    admin: Person, thief: Member, lost: Json, begun: threading.Event, ended: threading.Event
) -> Callable[[], None]:
    """Takes the thief's rights away as soon as they are at it."""

    def run() -> None:
        begun.wait(PATIENCE)
        answer = change(admin, thief, lost)
        ended.set()
        assert answer.status_code == 200, answer.text

    return run


def maker(
    acting: Person, begun: threading.Event, ended: threading.Event
) -> Callable[[], tuple[int, int]]:
    """Makes admins; gives how many it made by requests from before the end, and from after."""

    def run() -> tuple[int, int]:
        before = after = 0
        while True:
            late = ended.is_set()
            made = make_admin(acting)
            before += made and not late
            after += made and late
            begun.set()
            if late:
                return before, after

    return run


def make_admin(acting: Person) -> bool:
    """True if an admin was made."""
    body = {
        "email": f"{uuid4().hex}@shop.example",
        "name": "Friend",
        "role": "admin",
        "password": NEW_PASSWORD,
    }
    answer = acting.post(ACCOUNTS, "/v1/users", body)
    assert answer.status_code in {201, 401, 403}, answer.text
    return answer.status_code == 201
