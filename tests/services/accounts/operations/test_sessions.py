"""Signing in, staying so, acting for others; by the tests' own clock, on the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from pymongo.database import Database

from services.accounts.crypto import hash_secret
from services.accounts.model import (
    SessionEnded,
    SignInRefused,
    User,
)
from services.accounts.operations import sessions
from services.accounts.operations.callers import OwnVerifier
from services.accounts.operations.sessions import Accounts
from services.accounts.repository.sessions import MAX_TOKENS
from shared.auth.caller import Caller
from shared.document import Document
from shared.errors import Refusal, TooMany, Unauthenticated, Unavailable

Add = Callable[..., User]
SignIn = Callable[..., Document]
Change = Callable[..., Document]
Verify = Callable[[str], Caller]


class TestSignIn:
    def test_gives_tokens_for_the_right_password(
        self, add_user: Add, sign_in: SignIn, now: datetime, verify: Verify
    ) -> None:
        user = add_user(email="lee@example.com", role="admin")

        tokens = sign_in(email="LEE@example.com")

        assert tokens["user"] == {"id": user.id, "name": "Ann Lee", "role": "admin"}
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
        assert tokens["refresh_expires_at"] == now + timedelta(days=30)
        assert verify(tokens["access_token"]) == Caller(user.id, "admin")

    def test_says_the_same_of_unknown_wrong_and_inactive(
        self, add_user: Add, sign_in: SignIn
    ) -> None:
        add_user(email="lee@example.com")
        add_user(email="gone@example.com", active=False)

        refusals = [
            refused(sign_in, email="nobody@example.com"),
            refused(sign_in, email="lee@example.com", password="wrong"),
            refused(sign_in, email="gone@example.com"),
            refused(sign_in, email="gone@example.com", password="wrong"),
        ]

        assert {(type(one), one.message) for one in refusals} == {
            (SignInRefused, "The e-mail address or the password is wrong.")
        }

    def test_makes_a_guesser_wait(self, add_user: Add, sign_in: SignIn, now: datetime) -> None:
        email = add_user().email
        for _ in range(5):
            assert isinstance(refused(sign_in, email=email, password="wrong"), SignInRefused)

        waits = []
        for failures in range(5, 12):
            waits.append(wait_for(refused(sign_in, email=email, at=now)))
            now += timedelta(seconds=waits[-1])
            wrong = refused(sign_in, email=email, password=f"wrong {failures}", at=now)
            assert isinstance(wrong, SignInRefused)

        assert all(longer >= 2 * (shorter - 1) for shorter, longer in pairwise(waits))
        assert waits[0] <= 2

    def test_waits_no_longer_than_five_minutes(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        user = add_user()
        refused(sign_in, email=user.email, password="wrong")
        accounts.attempts.collection.update_many({}, {"$set": {"failures": 1_000}})
        refused(sign_in, email=user.email, password="wrong")

        assert wait_for(refused(sign_in, email=user.email)) <= 301
        assert sign_in(email=user.email, at=now + timedelta(minutes=5))

    def test_forgets_wrong_ones_after_a_right_one(self, add_user: Add, sign_in: SignIn) -> None:
        email = add_user().email
        for _ in range(2):
            for _ in range(4):
                refused(sign_in, email=email, password="wrong")
            sign_in(email=email)

        assert isinstance(refused(sign_in, email=email, password="wrong"), SignInRefused)

    def test_one_users_guesser_does_not_hold_up_others(
        self, add_user: Add, sign_in: SignIn
    ) -> None:
        victim, other = add_user(), add_user()
        for _ in range(6):
            refused(sign_in, email=victim.email, password="wrong")

        assert sign_in(email=other.email)["user"]["id"] == other.id

    def test_needs_a_key(
        self, database: Database[Document], add_user: Add, sign_in: SignIn
    ) -> None:
        email = add_user().email
        database.signing_keys.delete_many({})

        with pytest.raises(Unavailable):
            sign_in(email=email)

    def test_does_not_tell_the_ids_of_other_sessions(
        self, database: Database[Document], add_user: Add, sign_in: SignIn
    ) -> None:
        for _ in range(2):
            sign_in(email=add_user().email)

        ids = [session["_id"] for session in database.sessions.find({})]
        assert ids[0][:6] != ids[1][:6]

    def test_keeps_no_token_in_clear(
        self, database: Database[Document], add_user: Add, sign_in: SignIn
    ) -> None:
        tokens = sign_in(email=add_user().email)

        stored = str(list(database.sessions.find({})))
        assert tokens["refresh_token"].partition(".")[2] not in stored
        assert tokens["access_token"] not in stored


class TestRefresh:
    def test_replaces_the_token(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        user = add_user()
        first = sign_in(email=user.email)["refresh_token"]

        second = refresh(accounts, first, at=now + timedelta(days=1))
        third = refresh(accounts, second["refresh_token"], at=now + timedelta(days=2))

        used = {first, second["refresh_token"], third["refresh_token"]}
        assert len(used) == 3
        assert third["refresh_expires_at"] == now + timedelta(days=30)

    def test_bears_with_a_lost_answer(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        token = sign_in(email=add_user().email)["refresh_token"]
        refresh(accounts, token, at=now)

        again = refresh(accounts, token, at=now + timedelta(seconds=10))

        assert refresh(accounts, again["refresh_token"], at=now + timedelta(days=1))

    def test_a_token_used_again_later_ends_the_session(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        stolen = sign_in(email=add_user().email)["refresh_token"]
        mine = refresh(accounts, stolen, at=now)["refresh_token"]

        with pytest.raises(SessionEnded):
            refresh(accounts, stolen, at=now + timedelta(seconds=11))
        with pytest.raises(SessionEnded):
            refresh(accounts, mine, at=now + timedelta(seconds=11))

    def test_a_thief_who_replaces_it_often_is_found_out_too(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        mine = theirs = sign_in(email=add_user().email)["refresh_token"]
        for _ in range(MAX_TOKENS + 1):
            theirs = refresh(accounts, theirs, at=now)["refresh_token"]

        with pytest.raises(SessionEnded):
            refresh(accounts, mine, at=now + timedelta(minutes=1))
        with pytest.raises(SessionEnded):
            refresh(accounts, theirs, at=now + timedelta(minutes=1))

    def test_a_second_sign_in_outlives_the_end_of_the_first(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        user = add_user()
        first, second = (sign_in(email=user.email)["refresh_token"] for _ in range(2))
        refresh(accounts, first, at=now)
        with pytest.raises(SessionEnded):
            refresh(accounts, first, at=now + timedelta(minutes=1))

        assert refresh(accounts, second, at=now + timedelta(minutes=1))

    @pytest.mark.parametrize("count", [2, 8])
    def test_several_at_once_survive(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime, count: int
    ) -> None:
        token = sign_in(email=add_user().email)["refresh_token"]

        with ThreadPoolExecutor(count) as pool:
            answers = list(pool.map(lambda _: refresh(accounts, token, at=now), range(count)))
        later = [
            refresh(accounts, answer["refresh_token"], at=now + timedelta(hours=1))
            for answer in answers
        ]

        assert len({answer["refresh_token"] for answer in answers}) == 1
        assert len({answer["refresh_token"] for answer in (*answers, *later)}) == 2

    @pytest.mark.parametrize("days", [30, 31])
    def test_ends_after_thirty_days(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime, days: int
    ) -> None:
        token = sign_in(email=add_user().email)["refresh_token"]

        with pytest.raises(SessionEnded):
            refresh(accounts, token, at=now + timedelta(days=days))

    @pytest.mark.parametrize("token", ["", ".", "x", "x.y", "a" * 24 + ".", ".secret", "\x00.\x00"])
    def test_refuses_what_is_no_token(self, accounts: Accounts, token: str, now: datetime) -> None:
        with pytest.raises(SessionEnded):
            refresh(accounts, token, at=now)

    def test_a_guess_does_not_end_the_session(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        mine = sign_in(email=add_user().email)["refresh_token"]

        for guess in (".guess", "."):
            with pytest.raises(SessionEnded):
                refresh(accounts, mine.partition(".")[0] + guess, at=now)

        assert refresh(accounts, mine, at=now)

    def test_the_grace_gives_the_same_successor(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        stolen = sign_in(email=add_user().email)["refresh_token"]
        mine = refresh(accounts, stolen, at=now)["refresh_token"]
        theirs = refresh(accounts, stolen, at=now + timedelta(seconds=9))["refresh_token"]
        next_one = refresh(accounts, mine, at=now + timedelta(minutes=9))["refresh_token"]

        with pytest.raises(SessionEnded, match="used before"):
            refresh(accounts, theirs, at=now + timedelta(minutes=10))
        with pytest.raises(SessionEnded):
            refresh(accounts, next_one, at=now + timedelta(minutes=10))
        assert theirs == mine

    def test_of_two_chains_of_the_release_before_one_goes_on(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        mine = sign_in(email=add_user().email)["refresh_token"]
        theirs = mine.partition(".")[0] + ".theirs"
        second = {"hash": hash_secret("theirs"), "replaced_at": None}
        accounts.sessions.collection.update_one({}, {"$push": {"tokens": second}})

        following = refresh(accounts, mine, at=now)["refresh_token"]
        refresh(accounts, following, at=now + timedelta(minutes=1))

        with pytest.raises(SessionEnded, match="used before"):
            refresh(accounts, theirs, at=now + timedelta(minutes=1))

    def test_of_the_release_before_goes_on(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime, change: Change
    ) -> None:
        user = add_user()
        token = sign_in(email=user.email)["refresh_token"]
        accounts.sessions.collection.update_one({}, {"$unset": {"version": "", "seed": ""}})
        accounts.users.collection.update_one(
            {}, {"$unset": {"token_version": "", "session_version": ""}}
        )

        answers = [refresh(accounts, token, at=now)["refresh_token"] for _ in range(2)]
        change(user, {"password": "another password"}, at=now)

        assert answers[0] == answers[1]
        with pytest.raises(SessionEnded):
            refresh(accounts, answers[0], at=now)

    def test_takes_on_a_new_role(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime, change: Change
    ) -> None:
        user = add_user()
        token = sign_in(email=user.email)["refresh_token"]
        change(user, {"role": "admin"}, at=now)

        assert refresh(accounts, token, at=now)["user"]["role"] == "admin"

    @pytest.mark.parametrize("changes", [{"active": False}, {"password": "another password"}])
    def test_ends_when_the_user_leaves_or_has_a_new_password(
        self,
        accounts: Accounts,
        add_user: Add,
        sign_in: SignIn,
        now: datetime,
        changes: Document,
        change: Change,
    ) -> None:
        user = add_user()
        token = sign_in(email=user.email)["refresh_token"]
        change(user, changes, at=now + timedelta(seconds=1))

        with pytest.raises(SessionEnded):
            refresh(accounts, token, at=now + timedelta(seconds=2))
        assert accounts.sessions.collection.count_documents({"ended_at": None}) == 0


class TestRace:
    def test_who_signs_in_with_the_old_password_meanwhile_is_out(
        self,
        accounts: Accounts,
        add_user: Add,
        sign_in: SignIn,
        now: datetime,
        change: Change,
    ) -> None:
        user = add_user()
        read = accounts.users.credentials

        def credentials(email: str) -> Any:
            # What was read is the old hash; the new one is written before it has been checked.
            found = read(email)
            change(user, {"password": "another password"}, at=now)
            return found

        accounts.users.credentials = credentials  # type: ignore[method-assign]

        with pytest.raises(SignInRefused):
            sign_in(email=user.email)
        assert accounts.sessions.collection.count_documents({"ended_at": None}) == 0

    def test_a_new_role_voids_the_token_that_was_being_made(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime, change: Change
    ) -> None:
        user = add_user(role="admin")
        token = sign_in(email=user.email)["refresh_token"]
        made = refresh(accounts, token, at=now + timedelta(seconds=30))["access_token"]

        # It was asked for before the token was made, and is written after.
        change(user, {"role": "sales"}, at=now)

        with pytest.raises(Unauthenticated):
            OwnVerifier(accounts).caller(made)


class TestSignOut:
    def test_voids_the_access_token(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime, verify: Verify
    ) -> None:
        tokens, others = (sign_in(email=add_user().email) for _ in range(2))
        assert verify(tokens["access_token"])

        sessions.sign_out(accounts, refresh_token=tokens["refresh_token"], now=now)

        with pytest.raises(Unauthenticated, match="revoked"):
            verify(tokens["access_token"])
        assert verify(others["access_token"])

    def test_ends_the_session(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        token = sign_in(email=add_user().email)["refresh_token"]

        for _ in range(2):
            sessions.sign_out(accounts, refresh_token=token, now=now)

        with pytest.raises(SessionEnded):
            refresh(accounts, token, at=now)

    def test_of_somebody_else_needs_their_token(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        token = sign_in(email=add_user().email)["refresh_token"]

        sessions.sign_out(accounts, refresh_token=token.partition(".")[0] + ".guess", now=now)

        assert refresh(accounts, token, at=now)


def refused(sign_in: SignIn, **credentials: Any) -> Refusal:
    with pytest.raises((SignInRefused, TooMany)) as refusal:
        sign_in(**credentials)
    return refusal.value


def wait_for(refusal: Refusal) -> int:
    assert isinstance(refusal, TooMany)
    return refusal.retry_after


def refresh(accounts: Accounts, token: str, *, at: datetime) -> Document:
    return sessions.refresh(accounts, refresh_token=token, now=at)
