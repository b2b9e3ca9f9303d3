"""Services that act for somebody: how long, how far, and who may see and end it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import jwt
import pytest

from services.accounts.model import NoSuchDelegation, SessionEnded, User
from services.accounts.operations import delegations, sessions
from services.accounts.operations.callers import OwnVerifier
from services.accounts.operations.sessions import Accounts
from services.accounts.repository.sessions import MAX_DELEGATIONS
from shared.auth.caller import Caller
from shared.document import Document
from shared.errors import Forbidden, TooMany, Unauthenticated

Add = Callable[..., User]
SignIn = Callable[..., Document]
Change = Callable[..., Document]
Verify = Callable[[str], Caller]
Delegate = Callable[..., Document]


class TestDelegate:
    def test_lets_a_service_act_for_a_day(
        self, add_user: Add, delegate: Delegate, now: datetime, verify: Verify
    ) -> None:
        user = add_user(role="admin")

        tokens = delegate(user)

        assert verify(tokens["access_token"]) == Caller(user.id, "admin", via="imports")
        assert tokens["refresh_expires_at"] == now + timedelta(hours=24)

    def test_lasts_no_longer_than_its_session(
        self, add_user: Add, sign_in: SignIn, delegate: Delegate, now: datetime
    ) -> None:
        user = add_user()
        signed_in = sign_in(email=user.email, at=now)

        tokens = delegate(user, signed_in, at=now + timedelta(days=29, hours=12))

        assert tokens["refresh_expires_at"] == now + timedelta(days=30)

    def test_cannot_be_passed_on(
        self, accounts: Accounts, add_user: Add, delegate: Delegate, verify: Verify, now: datetime
    ) -> None:
        service = verify(delegate(add_user())["access_token"])

        with pytest.raises(Forbidden):
            delegations.delegate(accounts, service, to="imports", now=now)

    def test_opens_nothing_in_accounts(
        self, accounts: Accounts, add_user: Add, delegate: Delegate
    ) -> None:
        token = delegate(add_user(role="admin"))["access_token"]

        with pytest.raises(Forbidden):
            OwnVerifier(accounts).caller(token)

    @pytest.mark.parametrize("session", [None, "0" * 24])
    def test_needs_a_session(
        self, accounts: Accounts, add_user: Add, now: datetime, session: str | None
    ) -> None:
        caller = Caller(add_user().id, "sales", session=session)

        with pytest.raises(Unauthenticated):
            delegations.delegate(accounts, caller, to="imports", now=now)

    @pytest.mark.parametrize("ended", [False, True])
    def test_has_a_limit(
        self,
        accounts: Accounts,
        add_user: Add,
        sign_in: SignIn,
        delegate: Delegate,
        now: datetime,
        ended: bool,
    ) -> None:
        user, other = add_user(), add_user()
        signed_in = sign_in(email=user.email)
        delegate(user, signed_in)
        one = accounts.sessions.collection.find_one({"via": "imports"}) or {}
        more = [{**one, "_id": f"{number:024}"} for number in range(MAX_DELEGATIONS)]
        accounts.sessions.collection.insert_many(more)
        if ended:
            sessions.sign_out(accounts, refresh_token=signed_in["refresh_token"], now=now)
            signed_in = sign_in(email=user.email)

        with pytest.raises(TooMany):
            delegate(user, signed_in)

        assert delegate(other)
        assert delegate(user, sign_in(email=user.email), at=now + timedelta(days=1))

    def test_keeps_its_token(
        self, accounts: Accounts, add_user: Add, delegate: Delegate, now: datetime, verify: Verify
    ) -> None:
        user = add_user()
        token = delegate(user)["refresh_token"]

        answers = [refresh(accounts, token, at=now + timedelta(hours=hour)) for hour in (0, 12, 23)]

        assert {answer["refresh_token"] for answer in answers} == {token}
        assert verify(answers[0]["access_token"]) == Caller(user.id, "sales", via="imports")
        with pytest.raises(SessionEnded):
            refresh(accounts, token, at=now + timedelta(hours=24))


class TestEnd:
    def test_comes_with_signing_out(
        self,
        accounts: Accounts,
        add_user: Add,
        sign_in: SignIn,
        delegate: Delegate,
        now: datetime,
        verify: Verify,
    ) -> None:
        user = add_user()
        signed_in, other = (sign_in(email=user.email) for _ in range(2))
        tokens, kept = delegate(user, signed_in), delegate(user, other)

        sessions.sign_out(accounts, refresh_token=signed_in["refresh_token"], now=now)

        with pytest.raises(SessionEnded):
            refresh(accounts, tokens["refresh_token"], at=now)
        with pytest.raises(Unauthenticated, match="revoked"):
            verify(tokens["access_token"])
        assert refresh(accounts, kept["refresh_token"], at=now)

    def test_comes_with_a_session_that_ends_while_it_is_made(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, delegate: Delegate, now: datetime
    ) -> None:
        user = add_user()
        signed_in = sign_in(email=user.email)
        add = accounts.sessions.add

        def add_after_the_end(*arguments: object, **options: object) -> None:
            sessions.sign_out(accounts, refresh_token=signed_in["refresh_token"], now=now)
            add(*arguments, **options)  # type: ignore[arg-type]

        accounts.sessions.add = add_after_the_end  # type: ignore[method-assign]

        with pytest.raises(SessionEnded):
            delegate(user, signed_in)
        assert accounts.sessions.collection.count_documents({"ended_at": None}) == 0

    @pytest.mark.parametrize("changes", [{"active": False}, {"password": "another password"}])
    def test_comes_with_the_user_or_the_password(
        self,
        accounts: Accounts,
        add_user: Add,
        delegate: Delegate,
        now: datetime,
        change: Change,
        changes: Document,
    ) -> None:
        user = add_user()
        tokens = delegate(user)
        change(user, changes, at=now)

        assert listed(accounts, Caller("0" * 24, "admin"), now) == []
        with pytest.raises(SessionEnded):
            refresh(accounts, tokens["refresh_token"], at=now)

    def test_of_another_users_is_for_admins(
        self, accounts: Accounts, add_user: Add, delegate: Delegate, now: datetime
    ) -> None:
        ids = [id_of(delegate(add_user())["access_token"]) for _ in range(2)]
        stranger, admin = Caller("0" * 24, "sales"), Caller("0" * 24, "admin")

        with pytest.raises(NoSuchDelegation):
            delegations.end(accounts, stranger, ids[0], now=now)
        delegations.end(accounts, admin, ids[0], now=now)

        assert [one["_id"] for one in listed(accounts, admin, now)] == ids[1:]
        with pytest.raises(NoSuchDelegation):
            delegations.end(accounts, admin, ids[0], now=now)

    def test_of_ones_own(
        self, accounts: Accounts, add_user: Add, delegate: Delegate, now: datetime
    ) -> None:
        user = add_user()
        token = delegate(user)

        delegations.end(accounts, Caller(user.id, "sales"), id_of(token["access_token"]), now=now)

        with pytest.raises(SessionEnded):
            refresh(accounts, token["refresh_token"], at=now)

    def test_is_of_no_session(
        self, accounts: Accounts, add_user: Add, sign_in: SignIn, now: datetime
    ) -> None:
        user = add_user()
        session = id_of(sign_in(email=user.email)["access_token"])

        with pytest.raises(NoSuchDelegation):
            delegations.end(accounts, Caller(user.id, "sales"), session, now=now)


class TestList:
    def test_has_ones_own(
        self, accounts: Accounts, add_user: Add, delegate: Delegate, now: datetime
    ) -> None:
        user, other = add_user(), add_user()
        mine, theirs = (id_of(delegate(one)["access_token"]) for one in (user, other))
        caller, admin = Caller(user.id, "sales"), Caller("0" * 24, "admin")

        (found,) = listed(accounts, caller, now)

        assert found["_id"] == mine
        assert found.keys() == {"_id", "user_id", "via", "created_at", "expires_at", "version"}
        assert {one["_id"] for one in listed(accounts, admin, now)} == {mine, theirs}
        assert [one["_id"] for one in listed(accounts, admin, now, other.id)] == [theirs]
        assert listed(accounts, admin, now + timedelta(days=1)) == []
        with pytest.raises(Forbidden):
            listed(accounts, caller, now, other.id)


def listed(
    accounts: Accounts, caller: Caller, now: datetime, user_id: str | None = None
) -> list[Document]:
    return delegations.list_for(accounts, caller, user_id=user_id, now=now)


def refresh(accounts: Accounts, token: str, *, at: datetime) -> Document:
    return sessions.refresh(accounts, refresh_token=token, now=at)


def id_of(token: str) -> str:
    """The id of the session that a token names."""
    return str(jwt.decode(token, options={"verify_signature": False})["sid"])


@pytest.fixture
def delegate(
    accounts: Accounts, sign_in: SignIn, verify: Verify, now: datetime
) -> Callable[..., Document]:
    """`delegate(user, tokens)`: lets imports act for a user who has signed in, now or before."""

    def make(user: User, tokens: Document | None = None, *, at: datetime = now) -> Document:
        signed_in = tokens or sign_in(email=user.email)
        caller = verify(signed_in["access_token"])
        return delegations.delegate(accounts, caller, to="imports", now=at)

    return make
