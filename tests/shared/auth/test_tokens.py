import base64
import time
from dataclasses import replace

import orjson
import pytest

from shared.auth import tokens
from shared.auth.caller import Caller
from shared.auth.keyring import FRESH_SECONDS, Keyring, KeysUnavailable, Published, read_published
from shared.auth.revocations import mark
from shared.auth.tokens import LEEWAY_SECONDS, TokenVerifier, remote_verifier
from shared.document import Document
from shared.errors import Unauthenticated
from shared.settings import load
from tests.support.clock import Clock
from tests.support.forgery import Make, Mint, ago, mint
from tests.support.forgery_kinds import ALL
from tests.support.scripted_server import Answer, ScriptedServer

USER = "a" * 24


class TestCaller:
    def test_is_who_the_token_speaks_for(self, verifier: TokenVerifier, ours: Mint) -> None:
        caller = verifier.caller(ours.token(sub=USER, role="sales"))

        assert caller == Caller(id=USER, role="sales", via=None)

    def test_names_the_service_that_acts_for_them(
        self, verifier: TokenVerifier, ours: Mint
    ) -> None:
        caller = verifier.caller(ours.token(act={"sub": "imports"}))

        assert caller.via == "imports"

    @pytest.mark.parametrize("forge", ALL.values(), ids=ALL.keys())
    def test_refuses_a_forgery(self, verifier: TokenVerifier, ours: Mint, forge: Make) -> None:
        token = forge(ours)

        with pytest.raises(Unauthenticated):
            verifier.caller(token)

    def test_bears_a_clock_that_is_a_little_late(self, verifier: TokenVerifier, ours: Mint) -> None:
        assert verifier.caller(ours.token(exp=ago(10)))
        assert verifier.caller(ours.token(nbf=ago(-10), iat=ago(-10)))

    @pytest.mark.parametrize("claim", ["nbf", "iat"])
    def test_bears_no_clock_that_is_later_still(
        self, verifier: TokenVerifier, ours: Mint, claim: str
    ) -> None:
        with pytest.raises(Unauthenticated):
            verifier.caller(ours.token(**{claim: ago(-LEEWAY_SECONDS - 5)}))

    def test_does_not_remember_a_refusal_as_a_caller(
        self, verifier: TokenVerifier, ours: Mint
    ) -> None:
        forged = ALL["another signer"](ours)

        for _ in range(3):
            with pytest.raises(Unauthenticated):
                verifier.caller(forged)

    def test_says_that_it_cannot_tell_without_any_key(self, ours: Mint) -> None:
        verifier = TokenVerifier(Keyring(Published))

        with pytest.raises(KeysUnavailable):
            verifier.caller(ours.token())


class TestRemembering:
    def test_asks_for_the_keys_once_for_many_tokens(self, ours: Mint) -> None:
        published = [ours_published(ours)]
        verifier = TokenVerifier(Keyring(published.pop))

        for _ in range(50):
            verifier.caller(ours.token())

        assert published == []

    def test_checks_a_signature_once(self, clock: Clock, ours: Mint) -> None:
        published = [ours_published(ours), ours_published(mint())]
        verifier = TokenVerifier(Keyring(lambda: published.pop(0), clock=clock))
        known, unknown = ours.token(), ours.token()
        verifier.caller(known)

        clock.advance(FRESH_SECONDS)

        assert verifier.caller(known)
        with pytest.raises(Unauthenticated):
            verifier.caller(unknown)

    def test_does_not_take_a_remembered_signature_for_other_claims(
        self, verifier: TokenVerifier, ours: Mint
    ) -> None:
        token = ours.token(role="sales")
        verifier.caller(token)
        header, claims, signature = token.split(".")
        more = base64.urlsafe_b64decode(claims + "==").replace(b'"sales"', b'"admin"')

        with pytest.raises(Unauthenticated):
            verifier.caller(f"{header}.{base64.urlsafe_b64encode(more).decode()}.{signature}")

    def test_ends_when_the_token_expires(self, keyring: Keyring, ours: Mint) -> None:
        clock = Clock(time.time())
        verifier = TokenVerifier(keyring, clock=clock)
        token = ours.token(exp=ago(-600))
        verifier.caller(token)

        clock.advance(600 + LEEWAY_SECONDS - 2)
        assert verifier.caller(token)
        clock.advance(3)

        with pytest.raises(Unauthenticated, match="expired"):
            verifier.caller(token)

    def test_is_bounded(self, clock: Clock, ours: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tokens, "REMEMBERED_TOKENS", 2)
        published = [ours_published(ours), ours_published(mint())]
        verifier = TokenVerifier(Keyring(lambda: published.pop(0), clock=clock))
        oldest, *latest = (ours.token() for _ in range(3))
        for token in (oldest, *latest):
            verifier.caller(token)

        # From here on only what is remembered can be accepted.
        clock.advance(FRESH_SECONDS)

        assert all(verifier.caller(token) for token in latest)
        with pytest.raises(Unauthenticated):
            verifier.caller(oldest)


class TestRevocation:
    def test_ends_a_remembered_token_once_the_keyring_is_refreshed(
        self, clock: Clock, revoked: dict[str, float], keyring: Keyring, ours: Mint
    ) -> None:
        verifier = TokenVerifier(keyring)
        token = ours.token(sub=USER)
        verifier.caller(token)

        revoked[USER] = time.time() + 1
        clock.advance(FRESH_SECONDS - 0.1)
        assert verifier.caller(token)
        clock.advance(0.1)

        with pytest.raises(Unauthenticated, match="revoked"):
            verifier.caller(token)

    def test_spares_other_users(
        self, revoked: dict[str, float], keyring: Keyring, ours: Mint
    ) -> None:
        revoked[USER] = time.time() + 1

        assert TokenVerifier(keyring).caller(ours.token(sub="b" * 24))

    def test_spares_what_was_issued_after_it(
        self, revoked: dict[str, float], keyring: Keyring, ours: Mint
    ) -> None:
        at = round(time.time(), 3)
        revoked[USER] = at
        verifier = TokenVerifier(keyring)

        assert verifier.caller(ours.token(sub=USER, iat=at))
        with pytest.raises(Unauthenticated, match="revoked"):
            verifier.caller(ours.token(sub=USER, iat=at - 0.001))

    def test_goes_by_the_version_where_there_is_one(self, clock: Clock, ours: Mint) -> None:
        said = {"users": {mark(USER): time.time() + 60}, "versions": {mark(USER): 2}}
        published = read_published({"keys": [ours.key["public_key"]]}, said)
        verifier = TokenVerifier(Keyring(lambda: published, clock=clock))

        assert verifier.caller(ours.token(sub=USER, ver=2))
        with pytest.raises(Unauthenticated, match="revoked"):
            verifier.caller(ours.token(sub=USER, ver=1))

    def test_ends_what_belongs_to_a_session(self, clock: Clock, ours: Mint) -> None:
        said = {"users": {}, "sessions": [mark("c" * 24)]}
        published = read_published({"keys": [ours.key["public_key"]]}, said)
        verifier = TokenVerifier(Keyring(lambda: published, clock=clock))

        assert verifier.caller(ours.token(sid="d" * 24)).session == "d" * 24
        with pytest.raises(Unauthenticated, match="revoked"):
            verifier.caller(ours.token(sid="c" * 24))


def ours_published(made: Mint) -> Published:
    """What accounts would publish of this mint."""
    return read_published({"keys": [made.key["public_key"]]}, {})


@pytest.fixture
def ours(signing_key: Document) -> Mint:
    """The mint whose key is published."""
    return mint(signing_key)


@pytest.fixture
def revoked() -> dict[str, float]:
    """What is revoked; a test adds to it."""
    return {}


@pytest.fixture
def keyring(clock: Clock, ours: Mint, revoked: dict[str, float]) -> Keyring:
    """A keyring on the test's clock, which learns what is revoked when it is refreshed."""

    def fetch() -> Published:
        return read_published({"keys": [ours.key["public_key"]]}, {"users": dict(revoked)})

    return Keyring(fetch, clock=clock)


class TestRemoteVerifier:
    def test_takes_the_keys_that_accounts_publishes(
        self, server: ScriptedServer, signing_key: Document
    ) -> None:
        server.say(
            Answer(body=orjson.dumps({"keys": [signing_key["public_key"]]})),
            Answer(body=b'{"users": {}}'),
        )
        verifier = remote_verifier(replace(load(), accounts_url=server.url))

        caller = verifier.caller(mint(signing_key).token(role="sales"))

        assert caller.role == "sales"
