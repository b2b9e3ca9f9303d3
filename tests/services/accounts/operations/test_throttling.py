"""Which tries to sign in are let through; by the tests' own clock, on the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from pymongo.database import Database

from services.accounts.attempts import account_mark, address_mark
from services.accounts.model import SignInRefused, User
from services.accounts.operations import throttling
from services.accounts.operations.sessions import Accounts
from shared.document import Document
from shared.errors import TooMany

Add = Callable[..., User]
SignIn = Callable[..., Document]
Look = Callable[..., str]

HOME, AWAY = "192.0.2.1", "198.51.100.9"


class TestAtOnce:
    @pytest.mark.parametrize("is_known", [False, True])
    def test_has_no_more_guesses_than_in_a_row(
        self, accounts: Accounts, now: datetime, is_known: bool
    ) -> None:
        if is_known:
            succeed(accounts, "lee@example.com", now)

        with ThreadPoolExecutor(16) as pool:
            tries = [
                pool.submit(counted, accounts, "lee@example.com", address=HOME, at=now)
                for _ in range(16)
            ]

        assert [one.result() for one in tries].count(True) == 5
        assert accounts.attempts.of(*marks("lee@example.com"), now=now)[0].failures == 5

    def test_counts_each_of_many_accounts(self, accounts: Accounts, now: datetime) -> None:
        with ThreadPoolExecutor(16) as pool:
            tries = [
                pool.submit(counted, accounts, f"{number}@example.com", address=AWAY, at=now)
                for number in range(48)
            ]

        assert [one.result() for one in tries].count(True) == 20


class TestLockOut:
    def test_does_not_reach_where_the_owner_signed_in_lately(
        self, add_user: Add, look: Look, now: datetime
    ) -> None:
        email = add_user().email
        assert look(email, "right", HOME, now) == "in"

        for turn in range(240):
            at = now + timedelta(seconds=turn / 2)
            look(email, "wrong", AWAY, at)
            look(email, "wrong", HOME, at)
            if turn % 20 == 19:
                assert look(email, "right", HOME, at) == "in"

    def test_by_many_addresses_does_not_either(
        self, add_user: Add, look: Look, now: datetime
    ) -> None:
        email = add_user().email
        look(email, "right", HOME, now)

        answers = [look(email, "wrong", f"203.0.113.{number}", now) for number in range(30)]

        assert answers == ["wrong"] * 20 + ["wait"] * 10
        assert look(email, "right", AWAY, now) == "wait"
        assert look(email, "right", HOME, now) == "in"

    def test_by_a_spray_from_the_same_address_does_not_either(
        self, add_user: Add, look: Look, now: datetime
    ) -> None:
        mine, new = add_user().email, add_user().email
        look(mine, "right", HOME, now)

        answers = [look(f"{number}@example.com", "wrong", HOME, now) for number in range(30)]

        assert answers == ["wrong"] * 20 + ["wait"] * 10
        assert look(new, "right", HOME, now) == "wait"
        assert look(mine, "right", HOME, now) == "in"

    def test_is_not_what_a_wait_that_is_refused_adds_to(
        self, add_user: Add, look: Look, now: datetime
    ) -> None:
        email = add_user().email
        for _ in range(50):
            look(email, "wrong", AWAY, now)

        assert look(email, "right", AWAY, now + timedelta(seconds=1)) == "in"

    def test_of_an_address_leaves_others_alone(
        self, add_user: Add, look: Look, now: datetime
    ) -> None:
        email = add_user().email
        for _ in range(9):
            look(email, "wrong", AWAY, now)

        assert look(email, "right", HOME, now) == "in"

    def test_ends_where_an_operator_lets_somebody_in(
        self, accounts: Accounts, add_user: Add, look: Look, now: datetime
    ) -> None:
        email = add_user().email
        for number in range(30):
            look(email, "wrong", f"203.0.113.{number % 4}", now)

        throttling.forget(accounts.attempts, email=email.upper())

        assert look(email, "right", AWAY, now) == "in"

    def test_leaves_known_addresses_known(
        self, accounts: Accounts, add_user: Add, look: Look, now: datetime
    ) -> None:
        email = add_user().email
        assert look(email, "right", HOME, now) == "in"

        throttling.forget(accounts.attempts, email=email)

        for number in range(30):
            look(email, "wrong", f"203.0.113.{number % 8}", now)
        assert look(email, "right", HOME, now) == "in"


class TestManyNewColleagues:
    def test_at_one_address_sign_in_without_a_wait(self, accounts: Accounts, now: datetime) -> None:
        for number in range(40):
            succeed(accounts, f"{number}@example.com", now)

        assert accounts.attempts.of(*marks("new@example.com"), now=now)[2].failures == 0


class TestUnknownAccounts:
    def test_behave_as_known_ones(self, add_user: Add, look: Look, now: datetime) -> None:
        known, gone = add_user().email, add_user(active=False).email

        series = [
            [look(email, "wrong", AWAY, now + timedelta(seconds=n / 2)) for n in range(24)]
            for email, now in (
                (known, now),
                (gone, now + timedelta(hours=1)),
                ("nobody@example.com", now + timedelta(hours=2)),
            )
        ]

        assert series[0] == series[1] == series[2]
        assert {"wrong", "wait"} == set(series[0])

    def test_leave_nothing_in_clear(
        self, look: Look, now: datetime, database: Database[Document]
    ) -> None:
        look("my own secret password", "wrong", AWAY, now)

        stored = str(list(database.sign_in_attempts.find({})))
        assert "secret" not in stored
        assert AWAY not in stored


def counted(accounts: Accounts, email: str, *, address: str, at: datetime) -> bool:
    """True if a try was let through."""
    try:
        throttling.begin(accounts.attempts, email=email, address=address, now=at)
    except TooMany:
        return False
    return True


def succeed(accounts: Accounts, email: str, now: datetime) -> None:
    one = throttling.begin(accounts.attempts, email=email, address=HOME, now=now)
    throttling.succeed(accounts.attempts, one, now=now)


def marks(email: str) -> tuple[str, str]:
    return account_mark(email), address_mark(HOME)


@pytest.fixture
def look(sign_in: SignIn, password: str) -> Look:
    """`look(email, "right" or "wrong", address, at)`: in, wrong, or wait."""

    def ask(email: str, word: str, address: str, at: datetime) -> str:
        ask_in = partial(sign_in, email=email, at=at, address=address)
        try:
            ask_in() if word == "right" else ask_in(password=f"not {password}")
        except SignInRefused:
            return "wrong"
        except TooMany:
            return "wait"
        return "in"

    return ask
