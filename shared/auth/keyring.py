"""Public keys of accounts and the tokens it has revoked, kept fresh in each process.

Asked for again when older than `FRESH_SECONDS`, so that a revoked token is dead within five
seconds. While accounts does not answer, the last known keys go on being used for reading: a shop
reads on while its log-in service is being restarted, until the token ends by itself after at most
ten minutes. Changes are another matter: what is not known to be still allowed for
`MAX_UNKNOWN_SECONDS` is not done, so that nobody who was switched off changes anything.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from jwt import PyJWK, PyJWTError

from shared.api_client import ApiClient, ApiRefused, ApiUnreachable
from shared.auth.revocations import Revocations

log = structlog.get_logger(__name__)

ALGORITHM = "EdDSA"

FRESH_SECONDS = 4.0
RETRY_SECONDS = 1.0
ANSWER_SECONDS = 2.0
MAX_UNKNOWN_SECONDS = 30.0
"""The time after which nothing is changed any more without knowing what was revoked."""
_DEAD_WITHIN_SECONDS = 5.0
_AWAY_SECONDS = 10.0
_PATIENCE_SECONDS = 5.0


class KeysUnavailable(Exception):
    """No public key is known yet, since accounts has not answered."""


class RevocationsOutdated(KeysUnavailable):
    """Accounts has not said for too long which tokens are revoked."""


@dataclass(frozen=True)
class Published:
    """Keys by their id, and what is revoked."""

    keys: dict[str, PyJWK] = field(default_factory=dict)
    revocations: Revocations = field(default_factory=Revocations)


def read_published(jwks: dict[str, Any], revocations: Mapping[str, Any]) -> Published:
    """The keys of a JWK set (RFC 7517), of the one algorithm that is used here, and revocations."""
    keys = {key["kid"]: PyJWK(key, algorithm=ALGORITHM) for key in jwks["keys"]}
    return Published(keys=keys, revocations=Revocations.read(revocations))


def fetch_published(accounts_url: str) -> Published:
    """Ask accounts for its keys and revocations over HTTP.

    :raises ApiUnreachable: it did not answer within two seconds.
    :raises ValueError: it answered something else.
    """
    try:
        with ApiClient(accounts_url, tries=1, timeout=ANSWER_SECONDS) as accounts:
            jwks = accounts.get("/.well-known/jwks.json")
            revocations = accounts.get("/.well-known/revocations.json")
        return read_published(jwks, {**revocations, "users": revocations["users"]})
    except (ApiRefused, KeyError, TypeError, AttributeError, PyJWTError) as error:
        raise ValueError("What accounts published is not a set of keys.") from error


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="keyring", daemon=True).start()


class Keyring:
    """Keys and revocations as last published."""

    def __init__(
        self,
        fetch: Callable[[], Published],
        *,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[Callable[[], None]], None] = _in_background,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._later = later
        self._lock = threading.Lock()
        self._published = Published()
        self._due_at = float("-inf")
        self._known_at = float("-inf")
        self._failed_at = float("-inf")

    def published(self) -> Published:
        """The keys and revocations, at most `FRESH_SECONDS` old while accounts answers.

        One thread asks, and the others go on with what is known, if that is new enough. While
        accounts is known to be away, nobody waits for it.
        """
        if self._clock() < self._due_at:
            return self._published
        away = self._is_away() and bool(self._published.keys)
        if self._lock.acquire(timeout=0 if away or self._is_new_enough() else _PATIENCE_SECONDS):
            if away:
                self._later(self._refresh_and_release)
            else:
                self._refresh_and_release()
        elif not self._is_new_enough():
            # Whoever asks gets its answer in drops; nobody else waits for that.
            self._failed_at = self._clock()
        return self._published

    def key(self, kid: str) -> PyJWK | None:
        """The public key with this id.

        :raises KeysUnavailable: no key at all is known yet.
        """
        published = self.published()
        if not published.keys:
            raise KeysUnavailable("The accounts service has not answered yet.")
        return published.keys.get(kid)

    def check_current(self) -> None:
        """Make sure that it is known what was revoked until a moment ago.

        :raises RevocationsOutdated: accounts has not answered for `MAX_UNKNOWN_SECONDS`.
        """
        self.published()
        if self._clock() - self._known_at > MAX_UNKNOWN_SECONDS:
            raise RevocationsOutdated("What was revoked lately is not known.")

    def _is_new_enough(self) -> bool:
        return self._clock() - self._known_at <= _DEAD_WITHIN_SECONDS

    def _is_away(self) -> bool:
        return self._clock() - self._failed_at < _AWAY_SECONDS

    def _refresh_and_release(self) -> None:
        try:
            self._refresh_if_due()
        finally:
            self._lock.release()

    def _refresh_if_due(self) -> None:
        # By when it was asked: what is revoked while the answer is on its way is not in it.
        asked_at = self._clock()
        if asked_at < self._due_at:
            return
        try:
            self._published = self._fetch()
            self._known_at = asked_at
            self._failed_at = float("-inf")
            self._due_at = asked_at + FRESH_SECONDS
        except (ApiUnreachable, ValueError) as error:
            self._failed_at = self._clock()
            self._due_at = self._failed_at + RETRY_SECONDS
            log.warning("keys_not_fetched", reason=type(error).__name__)
