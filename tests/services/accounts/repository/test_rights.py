"""Writes of admins who may lose their rights at the same moment, on the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from services.accounts.model import EmailTaken, RightsLost, User
from services.accounts.operations import users
from services.accounts.operations.sessions import Accounts
from shared.auth.caller import Caller
from shared.document import Document
from shared.errors import Refusal, Stale
from shared.idempotency import creation_request

Add = Callable[..., User]
ROUNDS = 10


class TestWrites:
    def test_are_made_by_an_admin(self, accounts: Accounts, add_user: Add, now: datetime) -> None:
        admin, other = add_user(role="admin"), add_user()

        changed = change(accounts, admin, other, {"role": "admin"}, now)
        made = register(accounts, caller_of(admin), now)

        assert (changed["role"], changed["version"], made["role"]) == ("admin", 2, "admin")
        assert accounts.users.get_user(admin.id) == admin

    @pytest.mark.parametrize(
        "lost", [{"role": "sales"}, {"active": False}, {"password_hash": "$argon2id$other"}]
    )
    def test_need_rights_at_that_moment(
        self, accounts: Accounts, add_user: Add, now: datetime, lost: Document
    ) -> None:
        admin, other = add_user(role="admin"), add_user()
        accounts.users.save(admin.changed(now=now, **lost))

        with pytest.raises(RightsLost):
            change(accounts, admin, other, {"role": "admin"}, now)
        with pytest.raises(RightsLost):
            register(accounts, caller_of(admin), now)

        assert accounts.users.get_user(other.id) == other
        assert accounts.users.collection.count_documents({}) == 2

    def test_of_an_admin_from_before_there_were_versions(
        self, accounts: Accounts, add_user: Add, now: datetime
    ) -> None:
        admin = add_user(role="admin")
        accounts.users.collection.update_one({}, {"$unset": {"token_version": ""}})

        assert register(accounts, caller_of(admin), now)
        assert register(accounts, Caller(admin.id, "admin"), now, email="other@example.com")

    def test_are_refused_as_others_are(
        self, accounts: Accounts, add_user: Add, now: datetime
    ) -> None:
        admin, other = add_user(role="admin"), add_user(email="lee@example.com")

        with pytest.raises(EmailTaken):
            register(accounts, caller_of(admin), now, email="LEE@example.com")
        with pytest.raises(EmailTaken):
            change(accounts, admin, admin, {"email": "lee@example.com"}, now)
        change(accounts, admin, other, {"name": "A"}, now)
        with pytest.raises(Stale):
            change(accounts, admin, other, {"name": "B"}, now)

    def test_that_come_again_are_answered_as_before(
        self, accounts: Accounts, add_user: Add, now: datetime
    ) -> None:
        admin = add_user(role="admin")
        request = creation_request("once", caller_id=admin.id, payload={"a": 1})
        made = [
            users.register(
                accounts.users_as(caller_of(admin)),
                email="ng@example.com",
                name="Ng",
                role="sales",
                password="correct horse battery",
                now=now,
                request=request,
            )
            for _ in range(2)
        ]

        assert made[0] == made[1]


class TestRace:
    def test_of_two_admins_who_switch_each_other_off_one_stays(
        self, accounts: Accounts, add_user: Add, now: datetime
    ) -> None:
        for _ in range(ROUNDS):
            pair = [add_user(role="admin") for _ in range(2)]

            def switch_off(turn: tuple[User, User]) -> bool:
                by, other = turn
                try:
                    change(accounts, by, other, {"active": False}, now)
                except RightsLost:
                    return False
                return True

            with ThreadPoolExecutor(2) as pool:
                done = list(pool.map(switch_off, [(pair[0], pair[1]), (pair[1], pair[0])]))

            assert sorted(done) == [False, True]
            assert sum(accounts.users.get_user(one.id).active for one in pair) == 1

    def test_who_is_being_switched_off_makes_no_admin_afterwards(
        self, accounts: Accounts, add_user: Add, now: datetime
    ) -> None:
        for _ in range(ROUNDS):
            owner, thief, friend = (add_user(role=role) for role in ("admin", "admin", "sales"))

            def act(turn: tuple[User, User, Document]) -> Refusal | None:
                by, other, changes = turn
                try:
                    change(accounts, by, other, changes, now)
                except Refusal as refusal:
                    return refusal
                return None

            turns: list[tuple[User, User, Document]] = [
                (owner, thief, {"active": False}),
                (thief, friend, {"role": "admin"}),
            ]
            with ThreadPoolExecutor(2) as pool:
                switched_off, _ = pool.map(act, turns)

            assert switched_off is None
            # Whichever came first: the thief may have been quicker, but never acts afterwards.
            assert isinstance(act((thief, friend, {"name": "B"})), Refusal)


def caller_of(user: User) -> Caller:
    """The user, with a token of now."""
    return Caller(user.id, user.role, version=user.token_version)


def change(
    accounts: Accounts, admin: User, user: User, changes: Document, now: datetime
) -> Document:
    caller = caller_of(admin)
    return users.change(
        accounts.users_as(caller), user.id, changes, version=user.version, caller=caller, now=now
    )


def register(
    accounts: Accounts, caller: Caller, now: datetime, *, email: str = "new@example.com"
) -> Document:
    return users.register(
        accounts.users_as(caller),
        email=email,
        name="New",
        role="admin",
        password="correct horse battery",
        now=now,
    )
