"""Queries on users, sessions and signing keys, on the real server."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.accounts.model import EmailTaken, NoSuchUser, User
from services.accounts.operations.sessions import Accounts
from services.accounts.repository import sessions
from shared.auth.revocations import Revocations, mark
from shared.document import Document
from shared.errors import Stale

Add = Callable[..., User]

OTHER_HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"


class TestUsers:
    def test_are_read_as_they_were_written(self, accounts: Accounts, add_user: Add) -> None:
        user = add_user(role="admin")

        assert accounts.users.get_user(user.id) == user

    def test_are_shown_without_secrets(self, accounts: Accounts, add_user: Add) -> None:
        user = add_user()

        shown = accounts.users.get(user.id)
        (listed,) = accounts.users.search({}, after=None, limit=9).items
        assert shown == listed
        assert shown.keys() == {
            "_id",
            "email",
            "name",
            "role",
            "active",
            "created_at",
            "updated_at",
            "version",
        }

    def test_take_the_longest_address_there_is(self, accounts: Accounts, add_user: Add) -> None:
        user = add_user(email="ﷺ" * 21 + "@averyveryverylongdomain.example.com")

        assert accounts.users.credentials(user.email) is not None

    @pytest.mark.parametrize("variant", ["ann@example.com", " ANN@EXAMPLE.COM", "Ann@example.com"])
    def test_are_found_however_the_address_is_typed(
        self, accounts: Accounts, add_user: Add, variant: str
    ) -> None:
        user = add_user(email="Ann@Example.com")

        found = accounts.users.credentials(variant)

        assert found == user

    def test_keep_to_their_own_address(self, accounts: Accounts, add_user: Add) -> None:
        holder, other = add_user(email="ann@example.com"), add_user()

        with pytest.raises(EmailTaken) as refusal:
            accounts.users.save(other.changed(now=other.created_at, email="ANN@example.com"))

        assert refusal.value.errors[0].holder == holder.id

    def test_are_not_written_over(self, accounts: Accounts, add_user: Add) -> None:
        user = add_user()
        accounts.users.save(user.changed(now=user.created_at, name="Ann Ng"))

        with pytest.raises(Stale):
            accounts.users.save(user.changed(now=user.created_at, name="Ann Li"))

    @pytest.mark.parametrize("id", ["", "none", "0" * 24, "\x00"])
    def test_that_are_not_there(self, accounts: Accounts, id: str) -> None:
        with pytest.raises(NoSuchUser):
            accounts.users.get(id)
        with pytest.raises(NoSuchUser):
            accounts.users.get_user(id)

    def test_are_listed_newest_first_and_once(
        self, accounts: Accounts, add_user: Add, now: datetime
    ) -> None:
        users = [add_user(created_at=now + timedelta(days=day // 2)) for day in range(5)]

        found: list[Document] = []
        after = None
        for _ in range(3):
            page = accounts.users.search({}, after=after, limit=2)
            found, after = found + page.items, page.next

        assert after is None
        newest_first = sorted(users, key=lambda user: (user.created_at, user.id), reverse=True)
        assert [user["_id"] for user in found] == [user.id for user in newest_first]

    @pytest.mark.parametrize(
        ("role", "active", "is_one"),
        [("admin", True, True), ("admin", False, False), ("sales", True, False)],
    )
    def test_that_are_admins_count_while_active(
        self, accounts: Accounts, add_user: Add, role: str, active: bool, is_one: bool
    ) -> None:
        add_user(role=role, active=active)

        assert accounts.users.has_admin() is is_one

    def test_of_the_last_release_are_read(self, accounts: Accounts, add_user: Add) -> None:
        user = add_user()
        accounts.users.collection.update_one(
            {"_id": user.id},
            {"$unset": {"password_is_one_time": ""}, "$set": {"failures": 9}},
        )

        assert accounts.users.credentials(user.email) == accounts.users.get_user(user.id) == user


class TestRehash:
    def test_changes_the_hash_and_nothing_else(self, accounts: Accounts, add_user: Add) -> None:
        user = add_user()

        accounts.users.rehash(user.id, old_hash=user.password_hash, new_hash=OTHER_HASH)

        assert accounts.users.get_user(user.id) == replace(user, password_hash=OTHER_HASH)

    def test_leaves_a_password_that_was_changed_meanwhile(
        self, accounts: Accounts, add_user: Add
    ) -> None:
        user = add_user()

        accounts.users.rehash(user.id, old_hash=OTHER_HASH, new_hash=OTHER_HASH)

        assert accounts.users.get_user(user.id) == user


class TestRevocations:
    def test_are_told_while_a_token_from_before_may_live(
        self, accounts: Accounts, add_user: Add, now: datetime
    ) -> None:
        user = add_user(tokens_void_before=now)

        told = [
            accounts.users.revocations(now=now + timedelta(seconds=seconds))
            for seconds in (0, 600, 689, 691)
        ]

        assert told == [{user.id: (1, now.timestamp())}] * 3 + [{}]


class TestKeys:
    def test_show_their_public_half_alone(self, accounts: Accounts, signing_key: Document) -> None:
        assert accounts.keys.public_keys() == [signing_key["public_key"]]

    def test_are_published_with_what_is_revoked(
        self, accounts: Accounts, add_user: Add, signing_key: Document, now: datetime
    ) -> None:
        user = add_user(tokens_void_before=now)

        published = sessions.published(accounts.keys, accounts.users, accounts.sessions, now=now)

        assert list(published.keys) == [signing_key["_id"]]
        assert published.revocations == Revocations(
            versions={mark(user.id): 1}, before={mark(user.id): now.timestamp()}
        )
