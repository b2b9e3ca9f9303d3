"""Users and their own passwords; by the tests' own clock, on the real server."""

import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from services.accounts import crypto
from services.accounts.model import (
    PasswordNotOneTime,
    PasswordOneTime,
    PasswordWrong,
    SessionEnded,
    SignInRefused,
    User,
)
from services.accounts.operations import own_password, sessions
from services.accounts.operations.sessions import Accounts
from services.accounts.passwords import PasswordRefused
from shared.auth.caller import Caller
from shared.document import Document
from shared.errors import Forbidden, Refusal, Stale, TooMany, Unauthenticated

Add = Callable[..., User]
SignIn = Callable[..., Document]
Change = Callable[..., Document]
Verify = Callable[[str], Caller]

RESET, OWN = "a password set by an admin", "a password of my own"


class TestReset:
    def test_works_once_to_choose_another(
        self, add_user: Add, change: Change, sign_in: SignIn, now: datetime
    ) -> None:
        user = add_user()
        change(user, {"password": RESET}, at=now)

        with pytest.raises(PasswordOneTime):
            sign_in(email=user.email, password=RESET)
        tokens = sign_in(email=user.email, password=RESET, new_password=OWN)

        assert tokens["user"]["id"] == user.id
        assert refusal(sign_in, email=user.email, password=RESET) is SignInRefused
        assert refusal(sign_in, email=user.email, password=RESET, new_password=OWN) is SignInRefused
        assert sign_in(email=user.email, password=OWN)["user"]["id"] == user.id

    def test_gives_no_token_that_works_before(
        self, accounts: Accounts, add_user: Add, change: Change, sign_in: SignIn, now: datetime
    ) -> None:
        user = add_user()
        change(user, {"password": RESET}, at=now)

        assert refusal(sign_in, email=user.email, password=RESET) is PasswordOneTime
        assert accounts.sessions.collection.count_documents({}) == 0

    @pytest.mark.parametrize("chosen", [RESET, "password1234", "short", "x" * 12])
    def test_asks_for_a_good_one(
        self, add_user: Add, change: Change, sign_in: SignIn, now: datetime, chosen: str
    ) -> None:
        user = add_user()
        change(user, {"password": RESET}, at=now)

        with pytest.raises(PasswordRefused) as refused:
            sign_in(email=user.email, password=RESET, new_password=chosen)

        assert [error.field for error in refused.value.errors] == ["new_password"]
        assert refusal(sign_in, email=user.email, password=RESET) is PasswordOneTime

    def test_at_once_makes_one_password(
        self, add_user: Add, change: Change, sign_in: SignIn, now: datetime
    ) -> None:
        user = add_user()
        change(user, {"password": RESET}, at=now)
        chosen = [f"password number {number}" for number in range(4)]

        def choose(new: str) -> bool:
            try:
                return bool(sign_in(email=user.email, password=RESET, new_password=new))
            except SignInRefused:
                return False

        with ThreadPoolExecutor(4) as pool:
            worked = list(pool.map(choose, chosen))

        assert worked.count(True) == 1
        assert sign_in(email=user.email, password=chosen[worked.index(True)])

    def test_of_ones_own_is_not_one_time(
        self, add_user: Add, change: Change, sign_in: SignIn, now: datetime
    ) -> None:
        admin = add_user(role="admin")
        change(admin, {"password": OWN}, at=now, caller=Caller(admin.id, "admin"))

        assert sign_in(email=admin.email, password=OWN)

    def test_is_not_what_a_password_of_ones_own_is(self, add_user: Add, sign_in: SignIn) -> None:
        with pytest.raises(PasswordNotOneTime):
            sign_in(email=add_user().email, new_password=OWN)


class TestChange:
    def test_ends_all_that_was_signed_in_before(
        self,
        accounts: Accounts,
        add_user: Add,
        sign_in: SignIn,
        verify: Verify,
        password: str,
        now: datetime,
    ) -> None:
        user = add_user()
        before = sign_in(email=user.email)

        after = change_own(accounts, user, password, at=now + timedelta(seconds=1))

        with pytest.raises(Unauthenticated):
            verify(before["access_token"])
        with pytest.raises(SessionEnded):
            refresh(accounts, before, now + timedelta(seconds=1))
        assert refresh(accounts, after, now + timedelta(seconds=1))["user"]["id"] == user.id
        assert refusal(sign_in, email=user.email) is SignInRefused
        assert sign_in(email=user.email, password=OWN)

    def test_tells_the_other_services(
        self, accounts: Accounts, add_user: Add, password: str, now: datetime
    ) -> None:
        user = add_user()

        change_own(accounts, user, password, at=now)

        stored = accounts.users.collection.find_one({"_id": user.id}) or {}
        assert [entry["name"] for entry in stored["outbox"]] == ["UserChanged"]
        assert stored["version"] == stored["outbox"][0]["data"]["version"] == 2

    def test_needs_the_old_one(
        self, accounts: Accounts, add_user: Add, now: datetime, sign_in: SignIn
    ) -> None:
        user = add_user()

        with pytest.raises(PasswordWrong) as refused:
            change_own(accounts, user, "another password", at=now)

        assert [error.field for error in refused.value.errors] == ["old_password"]
        assert sign_in(email=user.email)

    def test_is_no_way_to_guess(
        self, accounts: Accounts, add_user: Add, password: str, now: datetime
    ) -> None:
        user = add_user()
        for _ in range(5):
            with pytest.raises(PasswordWrong):
                change_own(accounts, user, "another password", at=now)

        with pytest.raises(TooMany):
            change_own(accounts, user, password, at=now)

    @pytest.mark.parametrize("changes", [{"name": "Lee"}, {"role": "admin"}])
    def test_bears_with_a_change_of_something_else(
        self,
        accounts: Accounts,
        add_user: Add,
        password: str,
        now: datetime,
        change: Change,
        changes: Document,
    ) -> None:
        user = add_user()
        change(user, changes, at=now)

        choose(accounts, user, password, at=now)

        stored = accounts.users.get_user(user.id)
        assert crypto.is_password(stored.password_hash, OWN)
        assert {name: getattr(stored, name) for name in changes} == changes

    @pytest.mark.parametrize("changes", [{"password": RESET}, {"active": False}])
    def test_gives_way_to_an_admin(
        self,
        accounts: Accounts,
        add_user: Add,
        password: str,
        now: datetime,
        change: Change,
        changes: Document,
    ) -> None:
        user = add_user()
        change(user, changes, at=now)

        with pytest.raises(Stale):
            choose(accounts, user, password, at=now)

        assert not crypto.is_password(accounts.users.get_user(user.id).password_hash, OWN)

    def test_is_not_for_services_that_act_for_somebody(
        self, accounts: Accounts, add_user: Add, password: str, now: datetime
    ) -> None:
        with pytest.raises(Forbidden):
            change_own(accounts, add_user(), password, at=now, via="imports")


class TestOldHashes:
    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_of_what_was_typed_are_made_anew(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, form: Any
    ) -> None:
        typed = unicodedata.normalize(form, "schönes Wetter")
        user = add_user(password_hash=crypto._HASHER.hash(typed))

        assert sign_in(email=user.email, password=typed)

        for other in ("NFC", "NFD"):
            same: Any = other
            assert sign_in(email=user.email, password=unicodedata.normalize(same, typed))
        stored = accounts.users.get_user(user.id)
        assert crypto.is_password(stored.password_hash, unicodedata.normalize("NFC", typed))
        assert stored.version == 1

    @pytest.mark.parametrize("short", ["x", "0123456789"])
    def test_of_other_costs_and_short_passwords_are_made_anew(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, short: str
    ) -> None:
        weak = PasswordHasher(memory_cost=8, time_cost=1, parallelism=1)
        user = add_user(password_hash=weak.hash(short))

        assert refusal(sign_in, email=user.email, password="wrong") is SignInRefused
        assert accounts.users.get_user(user.id) == user
        assert sign_in(email=user.email, password=short)

        made = accounts.users.get_user(user.id).password_hash
        assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert sign_in(email=user.email, password=short)
        assert accounts.users.get_user(user.id).password_hash == made


def change_own(
    accounts: Accounts, user: User, old: str, *, at: datetime, via: str | None = None
) -> Document:
    return sessions.change_password(
        accounts,
        Caller(user.id, user.role, via),
        old_password=old,
        new_password=OWN,
        address="",
        now=at,
    )


def choose(accounts: Accounts, user: User, old: str, *, at: datetime) -> User:
    return own_password.choose(accounts.users, user, old_password=old, new_password=OWN, now=at)


def refresh(accounts: Accounts, tokens: Document, at: datetime) -> Document:
    return sessions.refresh(accounts, refresh_token=tokens["refresh_token"], now=at)


def refusal(sign_in: SignIn, **given: Any) -> type[Refusal]:
    with pytest.raises(Refusal) as refused:
        sign_in(**given)
    return type(refused.value)
