import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import orjson
import pytest

from services.accounts import crypto
from shared.api_client import ApiUnreachable
from shared.auth.keyring import (
    FRESH_SECONDS,
    MAX_UNKNOWN_SECONDS,
    RETRY_SECONDS,
    Keyring,
    KeysUnavailable,
    Published,
    RevocationsOutdated,
    fetch_published,
    read_published,
)
from shared.auth.revocations import Revocations
from shared.local.ports import LOOPBACK, free_port
from tests.support.clock import Clock
from tests.support.scripted_server import Answer, ScriptedServer


class TestKeyring:
    def test_asks_once_while_its_keys_are_fresh(self, accounts: "Accounts", clock: Clock) -> None:
        keyring = Keyring(accounts.fetch, clock=clock)

        for _ in range(50):
            keyring.key("first")
        clock.advance(FRESH_SECONDS - 0.1)
        keyring.key("first")

        assert accounts.asked == 1

    def test_asks_again_when_they_are_no_longer_fresh(
        self, accounts: "Accounts", clock: Clock
    ) -> None:
        keyring = Keyring(accounts.fetch, clock=clock)
        keyring.key("first")

        accounts.publish("second")
        clock.advance(FRESH_SECONDS)

        assert keyring.key("second") is not None
        assert keyring.key("first") is None
        assert accounts.asked == 2

    def test_does_not_ask_for_every_key_that_it_does_not_know(
        self, accounts: "Accounts", clock: Clock
    ) -> None:
        keyring = Keyring(accounts.fetch, clock=clock)

        assert [keyring.key(f"unknown-{number}") for number in range(20)] == [None] * 20
        assert accounts.asked == 1

    @pytest.mark.parametrize("failure", [ApiUnreachable("away"), ValueError("no keys")])
    def test_goes_on_with_what_it_knows_while_accounts_is_down(
        self, accounts: "Accounts", clock: Clock, failure: Exception
    ) -> None:
        keyring = Keyring(accounts.fetch, clock=clock)
        keyring.key("first")
        accounts.failure = failure

        clock.advance(3_600)

        assert keyring.key("first") is not None

    def test_asks_a_silent_accounts_once_a_second(self, accounts: "Accounts", clock: Clock) -> None:
        keyring = Keyring(accounts.fetch, clock=clock, later=at_once)
        keyring.key("first")
        accounts.failure = ApiUnreachable("away")
        clock.advance(FRESH_SECONDS)

        for _ in range(10):
            keyring.key("first")
            clock.advance(RETRY_SECONDS / 5)

        assert accounts.asked == 1 + 2

    def test_learns_again_when_accounts_is_back(self, accounts: "Accounts", clock: Clock) -> None:
        keyring = Keyring(accounts.fetch, clock=clock)
        accounts.failure = ApiUnreachable("away")
        with pytest.raises(KeysUnavailable):
            keyring.key("first")

        accounts.failure = None
        with pytest.raises(KeysUnavailable):
            keyring.key("first")
        clock.advance(RETRY_SECONDS)

        assert keyring.key("first") is not None

    def test_does_not_hold_others_up_while_one_asks(
        self, accounts: "Accounts", clock: Clock
    ) -> None:
        keyring = Keyring(accounts.fetch, clock=clock)
        keyring.key("first")
        clock.advance(FRESH_SECONDS)
        accounts.hold()
        asking = Thread(target=keyring.key, args=("first",))
        asking.start()
        accounts.is_asked.wait(5)

        found = keyring.key("first")

        assert found is not None
        assert asking.is_alive()
        accounts.go_on.set()
        asking.join(5)

    def test_lets_all_wait_for_the_first_keys(self, accounts: "Accounts", clock: Clock) -> None:
        keyring = Keyring(accounts.fetch, clock=clock)
        accounts.hold()
        found: list[Any] = []
        waiting = [Thread(target=lambda: found.append(keyring.key("first"))) for _ in range(8)]
        for thread in waiting:
            thread.start()
        accounts.is_asked.wait(5)

        accounts.go_on.set()
        for thread in waiting:
            thread.join(5)

        assert len(found) == 8
        assert None not in found
        assert accounts.asked == 1


class TestStall:
    """Accounts takes the connection and never answers; by the test's clock."""

    def test_nothing_is_changed_after_thirty_seconds(
        self, accounts: "Accounts", clock: Clock
    ) -> None:
        keyring = Keyring(accounts.fetch, clock=clock, later=at_once)
        keyring.key("first")
        accounts.failure = ApiUnreachable("stalled")

        for _ in range(int(MAX_UNKNOWN_SECONDS)):
            keyring.check_current()
            clock.advance(1)
        keyring.check_current()
        clock.advance(0.1)

        with pytest.raises(RevocationsOutdated):
            keyring.check_current()
        assert keyring.key("first") is not None
        accounts.failure = None
        clock.advance(RETRY_SECONDS)
        keyring.check_current()

    def test_nobody_waits_once_it_is_known(self, accounts: "Accounts", clock: Clock) -> None:
        started: list[Callable[[], None]] = []
        keyring = Keyring(accounts.fetch, clock=clock, later=started.append)
        keyring.key("first")
        accounts.failure = ApiUnreachable("stalled")
        clock.advance(FRESH_SECONDS)
        keyring.key("first")
        accounts.hold()

        for _ in range(5):
            clock.advance(RETRY_SECONDS)
            assert keyring.key("first") is not None

        # One asks, elsewhere, and has not even been answered.
        assert len(started) == 1
        assert accounts.asked == 2

    def test_who_comes_after_a_pause_waits_for_what_was_revoked(
        self, accounts: "Accounts", clock: Clock
    ) -> None:
        keyring = Keyring(accounts.fetch, clock=clock)
        keyring.key("first")
        accounts.publish("second")
        clock.advance(3_600)
        accounts.hold()
        found: list[Any] = []
        asking = [Thread(target=lambda: found.append(keyring.key("second"))) for _ in range(4)]
        for thread in asking:
            thread.start()
        accounts.is_asked.wait(5)

        accounts.go_on.set()
        for thread in asking:
            thread.join(5)

        assert len(found) == 4
        assert None not in found

    def test_in_the_background_it_learns_again(self, accounts: "Accounts", clock: Clock) -> None:
        keyring = Keyring(accounts.fetch, clock=clock)
        keyring.key("first")
        accounts.failure = ApiUnreachable("stalled")
        clock.advance(FRESH_SECONDS)
        keyring.key("first")
        accounts.failure = None
        accounts.publish("second")
        clock.advance(RETRY_SECONDS)

        deadline = time.monotonic() + 10
        while keyring.key("second") is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)


class TestFetchPublished:
    def test_reads_keys_and_revocations(self, server: ScriptedServer) -> None:
        said = {"users": {"a" * 64: 1750000000.123}, "versions": {"a" * 64: 2}, "sessions": ["b"]}
        server.say(keys("first", "second"), Answer(body=orjson.dumps(said)))

        published = fetch_published(server.url)

        assert set(published.keys) == {"first", "second"}
        assert published.revocations == Revocations(
            versions={"a" * 64: 2},
            before={"a" * 64: 1750000000.123},
            sessions=frozenset({"b"}),
        )
        assert [asked.path for asked in server.asked] == [
            "/.well-known/jwks.json",
            "/.well-known/revocations.json",
        ]

    @pytest.mark.parametrize(
        "garbage",
        [
            b"<html>Welcome</html>",
            b"[]",
            b"null",
            b"5",
            b"{}",
            b'{"keys": null}',
            b'{"keys": [5]}',
            b'{"keys": [{}]}',
            b'{"keys": [{"kid": "a"}]}',
            b'{"keys": [{"kid": "a", "kty": "oct", "k": "AAAA"}]}',
            b'{"keys": [{"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}',
            b'{"keys": [{"kid": "a", "kty": "RSA", "n": "AQAB", "e": "AQAB"}]}',
        ],
    )
    def test_refuses_what_is_no_key_set(self, server: ScriptedServer, garbage: bytes) -> None:
        server.say(Answer(body=garbage), revocations({}))

        with pytest.raises(ValueError, match=r"."):
            fetch_published(server.url)

    @pytest.mark.parametrize(
        "garbage",
        [
            b"[]",
            b"{}",
            b'{"users": []}',
            b'{"users": 5}',
            b'{"users": {"a": "soon"}}',
            b'{"users": {}, "versions": []}',
            b'{"users": {}, "versions": {"a": null}}',
            b'{"users": {}, "sessions": 5}',
        ],
    )
    def test_refuses_what_is_no_list_of_revocations(
        self, server: ScriptedServer, garbage: bytes
    ) -> None:
        server.say(keys("first"), Answer(body=garbage))

        with pytest.raises(ValueError, match=r"."):
            fetch_published(server.url)

    @pytest.mark.parametrize("status", [302, 404, 500, 503])
    def test_takes_no_other_answer(self, server: ScriptedServer, status: int) -> None:
        server.say(Answer(status=status, headers={"Location": "/elsewhere"}))

        with pytest.raises((ApiUnreachable, ValueError)):
            fetch_published(server.url)
        assert {asked.path for asked in server.asked} <= {
            "/.well-known/jwks.json",
            "/.well-known/revocations.json",
        }

    def test_lets_no_proxy_come_between(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.say(keys("first"), revocations({}))
        monkeypatch.setenv("HTTP_PROXY", f"http://{LOOPBACK}:{free_port()}")

        assert set(fetch_published(server.url).keys) == {"first"}

    def test_names_a_server_that_is_not_there(self) -> None:
        with pytest.raises(ApiUnreachable):
            fetch_published(f"http://{LOOPBACK}:{free_port()}")


class Accounts:
    """Stands where accounts is asked: what it publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: Exception | None = None
        self.is_asked = Event()
        self.go_on = Event()
        self.go_on.set()
        self.publish("first")

    def publish(self, kid: str) -> None:
        """Publish one key, under this id."""
        self._published = read_published({"keys": [public_key(kid)]}, {})

    def hold(self) -> None:
        """Answer the next question only when told to go on."""
        self.go_on.clear()

    def fetch(self) -> Published:
        """Answer."""
        self.asked += 1
        self.is_asked.set()
        self.go_on.wait(5)
        if self.failure is not None:
            raise self.failure
        return self._published


def at_once(work: Callable[[], None]) -> None:
    """In the place of another thread."""
    work()


def public_key(kid: str) -> dict[str, Any]:
    """A public key as accounts publishes it."""
    made = crypto.new_signing_key(now=datetime.now(UTC))
    return {**made["public_key"], "kid": kid}


def keys(*kids: str) -> Answer:
    """The key set as accounts answers it."""
    return Answer(body=orjson.dumps({"keys": [public_key(kid) for kid in kids]}))


def revocations(users: dict[str, float]) -> Answer:
    """The revocations as accounts answers them."""
    return Answer(body=orjson.dumps({"users": users}))


@pytest.fixture
def accounts() -> Accounts:
    """Accounts, with one key."""
    return Accounts()
