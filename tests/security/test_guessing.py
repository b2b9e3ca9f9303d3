"""Guessing of passwords: many at once, many accounts, many made-up addresses, and who exists."""

import time
from concurrent.futures import ThreadPoolExecutor
from math import log2
from statistics import median
from typing import Any
from uuid import uuid4

import orjson
import pytest
import requests

from tests.journeys.system import Person, System
from tests.support.callers import Caller, new_address

PASSWORD = "a password to be let in with"
Json = dict[str, Any]


class TestManyAtOnce:
    def test_get_no_more_guesses_than_five_in_a_row(self, kith: System, admin: Person) -> None:
        email, port, address = register(admin), kith.ports["accounts"], new_address()
        callers = [Caller(port, address) for _ in range(16)]

        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda caller: caller.try_in(email, "wrong"), callers))

        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {401, 429}
        assert 5 <= statuses.count(401) <= 5 + let_through_in(time.monotonic() - began)
        assert all(
            int(one.headers["Retry-After"]) >= 1 for one in answers if one.status_code == 429
        )


class TestSpray:
    def test_of_one_password_over_many_accounts_is_slowed_down(
        self, kith: System, admin: Person
    ) -> None:
        new = register(admin)
        attacker = Caller(kith.ports["accounts"], new_address())

        began = time.monotonic()
        statuses, wait = list[int](), 0
        # Until there is time enough to see that the others wait as well.
        while wait < 3:
            answer = attacker.try_in(f"{uuid4().hex}@shop.example", "wrong")
            statuses.append(answer.status_code)
            wait = int(answer.headers.get("Retry-After", 0))
            assert len(statuses) < 200, "Nothing slows it down."
            time.sleep(0.1 if wait else 0)
        taken = time.monotonic() - began

        assert attacker.try_in(new, PASSWORD).status_code == 429
        assert statuses[:20] == [401] * 20
        assert statuses.count(401) <= 20 + let_through_in(taken)

    def test_does_not_reach_who_signed_in_at_that_address(
        self, kith: System, admin: Person
    ) -> None:
        email = register(admin)
        colleague = Caller(kith.ports["accounts"], new_address())
        assert colleague.try_in(email, PASSWORD).status_code == 201

        for _ in range(30):
            colleague.try_in(f"{uuid4().hex}@shop.example", "wrong")

        assert colleague.try_in(email, PASSWORD).status_code == 201


class TestForgedAddresses:
    def test_are_not_believed(self, kith: System, admin: Person) -> None:
        email, attacker = register(admin), Caller(kith.ports["accounts"], new_address())

        began = time.monotonic()
        statuses = [
            attacker.try_in(
                email,
                "wrong",
                **{"X-Forwarded-For": new_address(), "Forwarded": f"for={new_address()}"},
                **{"X-Real-IP": new_address()},
            ).status_code
            for _ in range(16)
        ]

        assert statuses[:5] == [401] * 5
        assert statuses.count(401) <= 5 + let_through_in(time.monotonic() - began)

    def test_of_the_owner_do_not_make_a_stranger_known(self, kith: System, admin: Person) -> None:
        email, home = register(admin), Caller(kith.ports["accounts"], new_address())
        home.try_in(email, PASSWORD)
        attacker = Caller(kith.ports["accounts"], new_address())

        statuses = [
            attacker.try_in(email, "wrong", **{"X-Forwarded-For": home.address}).status_code
            for _ in range(8)
        ]

        assert 429 in statuses
        assert home.try_in(email, PASSWORD).status_code == 201


class TestWhoExists:
    def test_is_not_to_be_seen_by_the_answers(self, kith: System, admin: Person) -> None:
        known, gone, unknown = register(admin), register(admin), f"{uuid4().hex}@shop.example"
        switch_off(admin, gone)

        series = [series_of(kith, email) for email in (known, gone, unknown)]

        for answers in series:
            assert [answer["status"] for answer in answers[:5]] == [401] * 5
            assert {answer["status"] for answer in answers} == {401, 429}
        said = [{orjson.dumps(answer) for answer in answers} for answers in series]
        assert said[0] == said[1] == said[2]

    @pytest.mark.security
    def test_is_not_to_be_seen_by_the_time(self, kith: System, admin: Person) -> None:
        port = kith.ports["accounts"]
        seconds: dict[str, list[float]] = {"known": [], "unknown": []}
        for _ in range(60):
            emails = {"known": register(admin), "unknown": f"{uuid4().hex}@shop.example"}
            callers = {kind: Caller(port, new_address()) for kind in emails}
            for _ in range(5):
                for kind, email in emails.items():
                    began = time.perf_counter()
                    assert is_wrong(callers[kind].try_in(email, "wrong"))
                    seconds[kind].append(time.perf_counter() - began)

        known, unknown = median(seconds["known"]), median(seconds["unknown"])
        figures = f"median known {known * 1000:.1f} ms, unknown {unknown * 1000:.1f} ms"
        assert abs(known - unknown) <= max(0.005, 0.15 * unknown), figures


def series_of(kith: System, email: str) -> list[Json]:
    """What is answered to the same wrong password, again and again, without the request's id."""
    caller = Caller(kith.ports["accounts"], new_address())
    answers: list[Json] = []
    while not answers or answers[-1]["status"] == 401:
        answer = caller.try_in(email, "wrong")
        answers.append({**answer.json(), "request_id": "", "headers": sorted(answer.headers)})
        assert len(answers) < 100
    return answers


def let_through_in(seconds: float) -> int:
    """How many more the waits of 1, 2, 4 and more seconds let through, at most."""
    return int(log2(1 + seconds)) + 1


def is_wrong(answer: requests.Response) -> bool:
    return answer.status_code == 401


def switch_off(admin: Person, email: str) -> None:
    users = admin.get("accounts", "/v1/users?limit=200")["items"]
    (id,) = [user["id"] for user in users if user["email"] == email]
    headers = {"If-Match": '"1"'}
    body = {"active": False}
    answer = admin.call("PATCH", "accounts", f"/v1/users/{id}", json=body, headers=headers)
    assert answer.status_code == 200


def register(admin: Person) -> str:
    email = f"{uuid4().hex}@shop.example"
    body = {"email": email, "name": "Sam", "role": "sales", "password": PASSWORD}
    assert admin.post("accounts", "/v1/users", body).status_code == 201
    return email
