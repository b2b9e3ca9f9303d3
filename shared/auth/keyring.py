"""Public keys of accounts and the tokens it has revoked, kept fresh in each process.

Asked for again when older than `FRESH_SECONDS`, so that a revoked token is dead within five
seconds. While accounts does not answer, the last known keys go on being used: tokens live ten
minutes, and a CRM that stops with its log-in service would be worse.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from jwt import PyJWK, PyJWTError

from shared.api_client import ApiClient, ApiRefused, ApiUnreachable

log = structlog.get_logger(__name__)

ALGORITHM = "EdDSA"

FRESH_SECONDS = 4.0
RETRY_SECONDS = 1.0
ANSWER_SECONDS = 2.0


class KeysUnavailable(Exception):
    """No public key is known yet, since accounts has not answered."""


@dataclass(frozen=True)
class Published:
    """Keys by their id, and for each revoked user the time before which tokens are void."""

    keys: dict[str, PyJWK] = field(default_factory=dict)
    revoked: dict[str, float] = field(default_factory=dict)


def read_published(jwks: dict[str, Any], revocations: dict[str, float]) -> Published:
    """The keys of a JWK set (RFC 7517), of the one algorithm that is used here."""
    keys = {key["kid"]: PyJWK(key, algorithm=ALGORITHM) for key in jwks["keys"]}
    return Published(keys=keys, revoked=revocations)


def fetch_published(accounts_url: str) -> Published:
    """Ask accounts for its keys and revocations over HTTP.

    :raises ApiUnreachable: it did not answer within two seconds.
    :raises ValueError: it answered something else.
    """
    try:
        with ApiClient(accounts_url, tries=1, timeout=ANSWER_SECONDS) as accounts:
            jwks = accounts.get("/.well-known/jwks.json")
            users = accounts.get("/.well-known/revocations.json")["users"]
        return read_published(jwks, {user: float(before) for user, before in users.items()})
    except (ApiRefused, KeyError, TypeError, AttributeError, PyJWTError) as error:
        raise ValueError("What accounts published is not a set of keys.") from error


class Keyring:
    """Keys and revocations as last published."""

    def __init__(
        self, fetch: Callable[[], Published], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._published = Published()
        self._due_at = float("-inf")

    def published(self) -> Published:
        """The keys and revocations, at most `FRESH_SECONDS` old while accounts answers."""
        # One thread asks; the others go on with what is known, if anything is.
        due = self._clock() >= self._due_at
        if due and self._lock.acquire(blocking=not self._published.keys):
            try:
                self._refresh_if_due()
            finally:
                self._lock.release()
        return self._published

    def key(self, kid: str) -> PyJWK | None:
        """The public key with this id.

        :raises KeysUnavailable: no key at all is known yet.
        """
        published = self.published()
        if not published.keys:
            raise KeysUnavailable("The accounts service has not answered yet.")
        return published.keys.get(kid)

    def _refresh_if_due(self) -> None:
        if self._clock() < self._due_at:
            return
        try:
            self._published = self._fetch()
            self._due_at = self._clock() + FRESH_SECONDS
        except (ApiUnreachable, ValueError) as error:
            self._due_at = self._clock() + RETRY_SECONDS
            log.warning("keys_not_fetched", reason=type(error).__name__)
