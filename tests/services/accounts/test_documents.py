"""What the database itself refuses, whoever writes to it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, WriteError

from services.accounts import crypto, documents
from services.accounts.model import User
from services.accounts.repository.users import to_document
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.collections import build

Raw = Callable[..., Document]
Own = Database[Document]

AT = datetime(2025, 6, 1, tzinfo=UTC)


class TestUsers:
    def test_takes_what_the_model_makes(self, database: Own, raw: Raw) -> None:
        database.users.insert_one(raw())

        assert database.users.count_documents({}) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"_id": "ann"},
            {"email": ""},
            {"email": None},
            {"email_key": "x" * 5_000},
            {"name": ""},
            {"name": "x" * 201},
            {"role": "owner"},
            {"role": ["admin"]},
            {"active": 1},
            {"active": "yes"},
            {"password_hash": "correct horse battery"},
            {"password_hash": "$2b$12$abcdefghijklmnopqrstuv"},
            {"password_hash": "$argon2i$v=19$m=19456"},
            {"password_hash": None},
            {"failures": -1},
            {"failures": 1.5},
            {"password_is_one_time": "no"},
            {"next_try_at": None},
            {"tokens_void_before": "2025-06-01"},
            {"sessions_void_before": None},
            {"version": 0},
            {"token_version": 0},
            {"session_version": None},
            {"acts": -1},
            {"outbox": [{}]},
            {"request": {"key": "once"}},
            {"password": "correct horse battery"},
            {"roles": ["admin"]},
        ],
        ids=lambda change: str(change)[:60],
    )
    def test_refuses(self, database: Own, raw: Raw, change: Document) -> None:
        with pytest.raises(WriteError) as failure:
            database.users.insert_one(raw(**change))

        assert failure.value.code == 121

    @pytest.mark.parametrize("field", ["password_hash", "role", "active", "failures", "outbox"])
    def test_refuses_a_user_without(self, database: Own, raw: Raw, field: str) -> None:
        document = raw()
        del document[field]

        with pytest.raises(WriteError, match="failed validation"):
            database.users.insert_one(document)

    def test_refuses_a_change_to_a_plain_password(self, database: Own, raw: Raw) -> None:
        database.users.insert_one(raw())

        with pytest.raises(WriteError, match="failed validation"):
            database.users.update_one({}, {"$set": {"password_hash": "correct horse battery"}})

    def test_refuses_an_address_that_somebody_has(self, database: Own, raw: Raw) -> None:
        user = raw()
        database.users.insert_one(user)

        with pytest.raises(DuplicateKeyError, match="email"):
            database.users.insert_one(raw(email=user["email"].upper(), email_key=user["email_key"]))


class TestSessions:
    def test_takes_a_session(self, database: Own) -> None:
        database.sessions.insert_one(session())

        assert database.sessions.count_documents({}) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"user_id": None},
            {"via": 5},
            {"tokens": []},
            {"tokens": [{"hash": "0" * 64, "replaced_at": None}] * 21},
            {"tokens": [{"hash": "a refresh token in clear", "replaced_at": None}]},
            {"tokens": [{"hash": "0" * 64}]},
            {"tokens": [{"hash": "0" * 64, "replaced_at": None, "secret": "clear"}]},
            {"expires_at": None},
            {"ip": "127.0.0.1"},
            {"version": 0},
            {"parent": "ann"},
            {"seed": "short"},
            {"ended_at": None},
        ],
        ids=lambda change: str(change)[:60],
    )
    def test_refuses(self, database: Own, change: Document) -> None:
        with pytest.raises(WriteError, match="failed validation"):
            database.sessions.insert_one(session(**change))

    def test_forgets_those_that_are_over(self, database: Own) -> None:
        assert database.sessions.index_information()["expired"]["expireAfterSeconds"] == 0


class TestSignInAttempts:
    @pytest.mark.parametrize("id", [f"{'0' * 64}.{'1' * 64}", f"{'0' * 64}.", f".{'1' * 64}"])
    def test_are_of_an_account_an_address_or_both(self, database: Own, id: str) -> None:
        database.sign_in_attempts.insert_one(attempts(_id=id))

        assert database.sign_in_attempts.count_documents({}) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"_id": "."},
            {"_id": "lee@example.com.127.0.0.1"},
            {"_id": f"{'0' * 64}.{'1' * 64}\n"},
            {"revision": 0},
            {"failures": -1},
            {"next_try_at": "now"},
            {"expires_at": None},
            {"email": "lee@example.com"},
            {"address": "127.0.0.1"},
        ],
        ids=lambda change: str(change)[:60],
    )
    def test_refuses(self, database: Own, change: Document) -> None:
        with pytest.raises(WriteError, match="failed validation"):
            database.sign_in_attempts.insert_one(attempts(**change))

    def test_forgets_those_that_are_over(self, database: Own) -> None:
        indexes = database.sign_in_attempts.index_information()

        assert indexes["expired"]["expireAfterSeconds"] == 0


class TestSigningKeys:
    def test_takes_one_that_signs_at_a_time(self, database: Own) -> None:
        key = crypto.new_signing_key(now=AT)
        database.signing_keys.insert_one(key)

        with pytest.raises(DuplicateKeyError, match="one_signing"):
            database.signing_keys.insert_one(crypto.new_signing_key(now=AT))
        database.signing_keys.update_one({"_id": key["_id"]}, {"$set": {"state": "retired"}})
        database.signing_keys.insert_one(crypto.new_signing_key(now=AT))

        assert database.signing_keys.count_documents({}) == 2

    @pytest.mark.parametrize(
        "change", [{"state": "waiting"}, {"private_key": None}, {"public_key": "x"}, {"d": "x"}]
    )
    def test_refuses(self, database: Own, change: Document) -> None:
        with pytest.raises(WriteError, match="failed validation"):
            database.signing_keys.insert_one(crypto.new_signing_key(now=AT) | change)


class TestBuild:
    def test_changes_nothing_the_second_time(self, database: Own) -> None:
        assert list(build(database, documents.COLLECTIONS)) == []


def session(**changes: Any) -> Document:
    return {
        "_id": new_id(),
        "user_id": new_id(),
        "via": None,
        "tokens": [{"hash": "0" * 64, "replaced_at": None}],
        "created_at": AT,
        "expires_at": datetime(2999, 1, 1, tzinfo=UTC),
    } | changes


def attempts(**changes: Any) -> Document:
    return {
        "_id": f"{'0' * 64}.{'1' * 64}",
        "revision": 1,
        "failures": 1,
        "began_at": None,
        "in_burst": 0,
        "next_try_at": None,
        "signed_in_at": None,
        "expires_at": datetime(2999, 1, 1, tzinfo=UTC),
    } | changes


@pytest.fixture
def raw(make_user: Callable[..., User]) -> Raw:
    """`raw(**changes)`: a user as it lies in the database, with some fields changed."""

    def make(**changes: Any) -> Document:
        return {**to_document(make_user()), "failures": 0, "outbox": []} | changes

    return make
