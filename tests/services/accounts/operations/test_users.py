"""Users who are registered and changed, and the key that signs, on the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from pymongo.database import Database

from services.accounts.bootstrap import create_context
from services.accounts.model import (
    EmailTaken,
    NoSuchUser,
    OwnRightsKept,
    User,
)
from services.accounts.operations import sessions, users
from services.accounts.operations.sessions import Accounts
from shared.auth.caller import Caller
from shared.document import Document
from shared.errors import Stale, Unauthenticated
from shared.mongo.client import connect, service_database
from shared.settings import Settings

Add = Callable[..., User]
SignIn = Callable[..., Document]
Change = Callable[..., Document]
Verify = Callable[[str], Caller]


class TestRegister:
    def test_tells_the_other_services_without_the_password(
        self, accounts: Accounts, now: datetime
    ) -> None:
        user = users.register(
            accounts.users,
            email="lee@example.com",
            name="Ann",
            role="sales",
            password="correct horse",
            now=now,
        )

        stored = accounts.users.collection.find_one({"_id": user["_id"]}) or {}
        (entry,) = stored["outbox"]
        assert (entry["to"], entry["name"]) == ("customers", "UserRegistered")
        assert entry["data"].keys() == {
            "user_id",
            "role",
            "active",
            "version",
            "occurred_at",
            "actor",
            "via",
            "batch",
        }

    def test_refuses_an_address_that_somebody_has(
        self, accounts: Accounts, add_user: Add, now: datetime
    ) -> None:
        holder = add_user(email="lee@example.com")

        with pytest.raises(EmailTaken) as refusal:
            users.register(
                accounts.users,
                email="LEE@EXAMPLE.com",
                name="B",
                role="sales",
                password="correct horse",
                now=now,
            )

        assert refusal.value.errors[0].holder == holder.id


class TestChange:
    @pytest.mark.parametrize(
        "changes", [{"role": "sales"}, {"active": False}, {"password": "another password"}]
    )
    def test_voids_the_tokens_that_are_out(
        self,
        add_user: Add,
        sign_in: SignIn,
        now: datetime,
        changes: Document,
        change: Change,
        verify: Verify,
    ) -> None:
        user = add_user(role="admin")
        token = sign_in(email=user.email)["access_token"]

        change(user, changes, at=now + timedelta(milliseconds=1))

        with pytest.raises(Unauthenticated):
            verify(token)

    def test_does_not_void_those_that_are_given_out_afterwards(
        self, add_user: Add, sign_in: SignIn, now: datetime, change: Change, verify: Verify
    ) -> None:
        user = add_user(role="admin")
        change(user, {"role": "sales"}, at=now)

        token = sign_in(email=user.email)["access_token"]

        assert verify(token).role == "sales"

    @pytest.mark.parametrize("changes", [{"role": "sales"}, {"active": False}])
    def test_nobody_takes_away_their_own_rights(
        self, accounts: Accounts, add_user: Add, now: datetime, changes: Document, change: Change
    ) -> None:
        user = add_user(role="admin")

        with pytest.raises(OwnRightsKept):
            change(user, changes, at=now, caller=Caller(user.id, "admin"))

        assert accounts.users.get_user(user.id) == user

    @pytest.mark.parametrize("changes", [{"name": "Ann Ng"}, {"password": "another password"}])
    def test_everybody_may_change_the_rest_of_themselves(
        self, add_user: Add, now: datetime, changes: Document, change: Change
    ) -> None:
        user = add_user(role="admin")

        changed = change(user, changes, at=now, caller=Caller(user.id, "admin"))

        assert changed["version"] == 2

    def test_an_old_version_is_refused(self, add_user: Add, now: datetime, change: Change) -> None:
        user = add_user()
        change(user, {"name": "Ann Ng"}, at=now)

        with pytest.raises(Stale):
            change(user, {"name": "Ann Li"}, at=now)

    def test_of_nobody_is_refused(
        self, make_user: Callable[..., User], now: datetime, change: Change
    ) -> None:
        with pytest.raises(NoSuchUser):
            change(make_user(), {"name": "Ann Ng"}, at=now)


class TestMakeSigningKey:
    def test_makes_one_however_many_ask(
        self, database: Database[Document], settings: Settings, now: datetime
    ) -> None:
        database.signing_keys.delete_many({})

        def make(_: int) -> bool:
            with connect(settings) as client:
                keys = create_context(service_database(client, settings, "accounts")).keys
                return sessions.make_signing_key(keys, now=now)

        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(make, range(8)))

        assert sorted(made) == [False] * 7 + [True]
        assert database.signing_keys.count_documents({"state": "signing"}) == 1

    def test_keeps_the_one_that_is_there(self, accounts: Accounts, now: datetime) -> None:
        before = accounts.keys.signing_key()

        assert sessions.make_signing_key(accounts.keys, now=now) is False
        assert accounts.keys.signing_key() == before
