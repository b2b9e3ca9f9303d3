"""Access tokens: their claims and lifetime, verified once and remembered. Accounts signs them."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import jwt

from shared.auth import shape
from shared.auth.caller import Caller
from shared.auth.keyring import ALGORITHM, Keyring, fetch_published
from shared.auth.roles import ROLES
from shared.errors import Unauthenticated
from shared.settings import Settings

_REQUIRED = ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]
ISSUER = "kith-accounts"
AUDIENCE = "kith"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, not a secret
ACCESS_SECONDS = 600
"""How long an access token works after it was signed."""
LEEWAY_SECONDS = 30
REVOKED_SECONDS = ACCESS_SECONDS + LEEWAY_SECONDS + 60
"""How long it is published that a token was revoked.

A change is dated when it was asked for, and may be written up to a minute later.
"""
REMEMBERED_TOKENS = 10_000
_LONGEST_SECONDS = ACCESS_SECONDS + LEEWAY_SECONDS


@dataclass(frozen=True)
class _Verified:
    caller: Caller
    issued_at: float
    expires_at: int


class TokenVerifier:
    """Turns an access token into a caller. Verified tokens are remembered until they expire."""

    def __init__(self, keyring: Keyring, *, clock: Callable[[], float] = time.time) -> None:
        self._keyring = keyring
        self._clock = clock
        self._verified: OrderedDict[str, _Verified] = OrderedDict()
        self._lock = Lock()

    def caller(self, token: str) -> Caller:
        """The caller whom this token speaks for.

        :raises Unauthenticated: it is forged, expired, revoked, or no access token of ours.
        :raises KeysUnavailable: it cannot be checked, since no public key is known yet.
        """
        verified = self._verified.get(token) or self._verify(token)
        if verified.expires_at + LEEWAY_SECONDS <= self._clock():
            raise Unauthenticated(
                "The token has expired; ask for a new one with the refresh token."
            )
        revoked = self._keyring.published().revocations
        if revoked.cover(verified.caller, issued_at=verified.issued_at):
            raise Unauthenticated("The token was revoked; sign in again.")
        return verified.caller

    def check_current(self) -> None:
        """Make sure that it is known what was revoked until a moment ago, before a change.

        :raises RevocationsOutdated: accounts has not answered for too long.
        """
        self._keyring.check_current()

    def _verify(self, token: str) -> _Verified:
        claims = self._claims(token)
        verified = _Verified(_caller(claims), float(claims["iat"]), int(claims["exp"]))
        with self._lock:
            self._verified[token] = verified
            while len(self._verified) > REMEMBERED_TOKENS:
                self._verified.popitem(last=False)
        return verified

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            kid = shape.key_id(
                token, algorithm=ALGORITHM, type=TOKEN_TYPE, longest=_LONGEST_SECONDS
            )
            # The kid only ever looks up a key that is already here (RFC 8725, 3.10).
            key = self._keyring.key(kid)
            if key is None:
                raise Unauthenticated("The token was not issued here; sign in again.")
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated(
                "The token has expired; ask for a new one with the refresh token."
            ) from error
        except (shape.OddToken, jwt.PyJWTError) as error:
            raise Unauthenticated("The token is not valid; sign in again.") from error


def _caller(claims: dict[str, Any]) -> Caller:
    role = claims.get("role")
    if role not in ROLES:
        raise Unauthenticated("The token names no known role; sign in again.")
    via = claims["act"]["sub"] if "act" in claims else None
    session, version = claims.get("sid"), claims.get("ver")
    return Caller(id=claims["sub"], role=role, via=via, session=session, version=version)


def remote_verifier(settings: Settings) -> TokenVerifier:
    """Verifies tokens with the keys that accounts publishes."""
    return TokenVerifier(Keyring(partial(fetch_published, settings.accounts_url)))
