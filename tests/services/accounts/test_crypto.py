"""Passwords, refresh tokens and signatures, without any server."""

import unicodedata
from datetime import UTC, datetime
from typing import Any, Literal

import jwt
import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from services.accounts import crypto
from services.accounts.crypto import SigningKey
from shared.auth.caller import Caller
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.errors import Unauthenticated, Unavailable
from shared.identifiers import new_id


class TestPasswords:
    def test_are_hashed_with_argon2id_as_owasp_asks(self) -> None:
        parameters = extract_parameters(crypto.hash_password("correct horse"))

        assert parameters.type is Type.ID
        assert parameters.memory_cost >= 19 * 1024
        assert (parameters.time_cost, parameters.parallelism) == (2, 1)
        assert (parameters.salt_len, parameters.hash_len) == (16, 32)

    def test_of_two_users_do_not_look_alike(self) -> None:
        assert crypto.hash_password("correct horse") != crypto.hash_password("correct horse")

    def test_are_recognised(self, password: str, password_hash: str) -> None:
        assert crypto.is_password(password_hash, password)

    @pytest.mark.parametrize("wrong", ["", "wrong", "Correct horse battery", "x" * 1_000, "\x00"])
    def test_that_are_wrong_are_not(self, password_hash: str, wrong: str) -> None:
        assert not crypto.is_password(password_hash, wrong)

    @pytest.mark.parametrize("damaged", ["", "correct horse battery", "$argon2id$", "$2b$12$abc"])
    def test_are_not_compared_with_what_is_no_hash(self, damaged: str, password: str) -> None:
        assert not crypto.is_password(damaged, password)

    @pytest.mark.parametrize("typed", ["NFC", "NFD"])
    def test_are_recognised_however_they_are_typed(self, typed: Literal["NFC", "NFD"]) -> None:
        made = crypto.hash_password(unicodedata.normalize(typed, "schönes Wetter"))

        assert crypto.is_password(made, unicodedata.normalize("NFC", "schönes Wetter"))
        assert crypto.is_password(made, unicodedata.normalize("NFD", "schönes Wetter"))
        assert not crypto.is_outdated(made, unicodedata.normalize(typed, "schönes Wetter"))

    def test_of_earlier_releases_are_of_what_was_typed(self) -> None:
        typed = unicodedata.normalize("NFD", "schönes Wetter")
        made = crypto._HASHER.hash(typed)

        assert crypto.is_password(made, typed)
        assert crypto.is_outdated(made, typed)

    def test_made_at_another_cost_are_outdated(self) -> None:
        made = PasswordHasher(memory_cost=8, time_cost=1, parallelism=1).hash("correct horse")

        assert crypto.is_outdated(made, "correct horse")

    @pytest.mark.parametrize("password", ["", "correct horse battery", "x" * 128])
    def test_of_nobody_are_wrong_at_the_same_cost(self, password: str, password_hash: str) -> None:
        assert not crypto.is_nobody(password)
        assert extract_parameters(crypto._NOBODY) == extract_parameters(password_hash)
        assert len(crypto._NOBODY) == len(password_hash)

    def test_are_hashed_two_at_a_time_and_nobody_waits_for_long(
        self, monkeypatch: pytest.MonkeyPatch, password_hash: str
    ) -> None:
        monkeypatch.setattr(crypto, "_PATIENCE", 0.01)

        with crypto._place(), crypto._place(), pytest.raises(Unavailable):
            crypto.is_password(password_hash, "correct horse")

        assert crypto.hash_password("correct horse")

    def test_that_are_made_up_are_long_and_new(self) -> None:
        made = {crypto.new_password() for _ in range(100)}

        assert len(made) == 100
        assert min(map(len, made)) >= 20


class TestRefreshSecrets:
    def test_are_stored_as_a_hash(self) -> None:
        secret = crypto.new_refresh_secret()

        stored = crypto.hash_secret(secret)

        assert stored == crypto.hash_secret(secret)
        assert secret not in stored
        assert len(stored) == 64

    def test_have_one_successor(self) -> None:
        seed = crypto.new_seed()
        secret = crypto.new_refresh_secret(seed)

        successor = crypto.next_refresh_secret(secret, seed=seed)

        assert successor == crypto.next_refresh_secret(secret, seed=seed)
        assert successor != crypto.next_refresh_secret(secret, seed=crypto.new_seed())
        assert successor != crypto.next_refresh_secret(successor, seed=seed)
        assert len(successor) == len(secret)

    def test_are_recognised_however_old(self) -> None:
        seed, other = crypto.new_seed(), crypto.new_seed()
        first = crypto.new_refresh_secret(seed)
        second = crypto.next_refresh_secret(first, seed=seed)

        assert all(crypto.was_given_out(secret, seed=seed) for secret in (first, second))
        strangers = ("", "é", first[:43], first[:-1], first[:43] + second[43:], "x" + first[1:])
        assert not any(crypto.was_given_out(secret, seed=seed) for secret in strangers)
        assert not crypto.was_given_out(first, seed=other)


class TestSigningKeys:
    def test_show_their_public_half_alone(self) -> None:
        key = crypto.new_signing_key(now=datetime.now(UTC))

        assert key["public_key"].keys() == {"kty", "crv", "x", "kid", "use", "alg"}
        assert {name: key["public_key"][name] for name in ("kty", "crv", "use", "alg")} == {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
        }
        assert key["public_key"]["kid"] == key["_id"]
        assert "PRIVATE KEY" in key["private_key"]


class TestAccessTokens:
    def test_say_who_is_asking_for_ten_minutes(self, key: SigningKey) -> None:
        token = sign(key, role="sales")

        claims = jwt.decode(token, options={"verify_signature": False})
        header = jwt.get_unverified_header(token)
        assert header == {"alg": "EdDSA", "kid": key.kid, "typ": "at+jwt"}
        assert (claims["iss"], claims["aud"], claims["role"]) == ("kith-accounts", "kith", "sales")
        assert claims["exp"] - claims["nbf"] == 600
        assert "act" not in claims

    def test_name_the_service_that_acts(self, key: SigningKey, verifier: TokenVerifier) -> None:
        token = sign(key, user_id="a" * 24, role="admin", via="imports")

        assert jwt.decode(token, options={"verify_signature": False})["act"] == {"sub": "imports"}
        assert verifier.caller(token) == Caller(id="a" * 24, role="admin", via="imports")

    def test_of_another_key_are_refused(self, key: SigningKey, verifier: TokenVerifier) -> None:
        other = crypto.new_signing_key(now=datetime.now(UTC))

        with pytest.raises(Unauthenticated):
            verifier.caller(sign(SigningKey(key.kid, other["private_key"])))


def sign(key: SigningKey, **claims: Any) -> str:
    usual: dict[str, Any] = {
        "user_id": new_id(),
        "role": "sales",
        "via": None,
        "token_id": new_id(),
        "now": datetime.now(UTC),
    }
    return crypto.sign_access_token(key, **usual | claims)


@pytest.fixture
def key(signing_key: Document) -> SigningKey:
    """The key that signs, as it is read from the database."""
    return SigningKey(signing_key["_id"], signing_key["private_key"])
