"""Cryptography of accounts: password hashes, refresh tokens, and the key that signs access tokens.

Knows no database and no HTTP.
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest, digest
from secrets import token_bytes, token_hex, token_urlsafe
from threading import BoundedSemaphore

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import OKPAlgorithm

from services.accounts.passwords import canonical
from shared.auth.keyring import ALGORITHM
from shared.auth.tokens import ACCESS_SECONDS, AUDIENCE, ISSUER, TOKEN_TYPE
from shared.document import Document
from shared.errors import Unavailable

# OWASP's minimum for argon2id (19 MiB, two passes, one lane). The library's own default costs five
# times as much, so that a few sign-ins at once would stop everything else on a small machine.
_HASHER = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)

# As many at once as fit beside other work on two cores; more would each take longer, and 19 MiB. A
# place is free again after some hundredths of a second, so that who waits holds a thread hardly
# longer; who finds none in all this time would find no processor either.
_HASHES_AT_ONCE = 2
_PATIENCE = 3.0
_places = BoundedSemaphore(_HASHES_AT_ONCE)

_BODY = 43
"""Characters of a refresh secret before its mark: 256 bits."""


@dataclass(frozen=True)
class SigningKey:
    """The private key in use, and the id under which its public half is published."""

    kid: str
    private_key: str


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its own salt."""
    with _place():
        return _HASHER.hash(canonical(password))


def is_password(password_hash: str, password: str) -> bool:
    """True if this is the password behind the hash, in one form or another."""
    forms = canonical(password), password
    return _is_behind(password_hash, forms[0]) or (
        # Hashes of earlier releases are of what was typed.
        forms[0] != forms[1] and _is_behind(password_hash, forms[1])
    )


def is_nobody(password: str) -> bool:
    """False, after as much work as for somebody: there is no password behind this hash."""
    return is_password(_NOBODY, password)


def is_outdated(password_hash: str, password: str) -> bool:
    """True if the hash of this, the right password, would be made in another way today."""
    if _HASHER.check_needs_rehash(password_hash):
        return True
    form = canonical(password)
    return form != password and not _is_behind(password_hash, form)


def password_mark(password: str, *, context: str) -> str:
    """A mark that differs between passwords, for requests that are sent again in one `context`.

    As costly to guess back as the hash: a quick hash beside it would undo what it is for.
    """
    with _place():
        return hash_secret_raw(
            password.encode(),
            sha256(context.encode()).digest(),
            time_cost=_HASHER.time_cost,
            memory_cost=_HASHER.memory_cost,
            parallelism=_HASHER.parallelism,
            hash_len=_HASHER.hash_len,
            type=_HASHER.type,
        ).hex()


def new_password() -> str:
    """A password that nobody has to think of: 128 bits."""
    return token_urlsafe(16)


def new_session_id() -> str:
    """The id of a session: 96 bits.

    It reveals nothing of others, since whoever guessed one could end that session.
    """
    return token_hex(12)


def new_refresh_secret(seed: str | None = None) -> str:
    """The secret half of a refresh token: 256 bits, and the mark of its session that has a seed."""
    body = token_urlsafe(32)
    return body if seed is None else body + _session_mark(body, seed)


def new_seed() -> str:
    """What a session's refresh tokens are derived with: 256 bits, stored beside their hashes."""
    return token_hex(32)


def next_refresh_secret(secret: str, *, seed: str) -> str:
    """The secret that replaces this one: always the same, whoever asks how often.

    So a repeated answer needs no token stored in clear: the seed alone gives none.
    """
    body = _text(digest(bytes.fromhex(seed), secret.encode(), sha256))
    return body + _session_mark(body, seed)


def was_given_out(secret: str, *, seed: str) -> bool:
    """True if a session with this seed gave out this secret, however long ago."""
    body, mark = secret[:_BODY], secret[_BODY:]
    return compare_digest(mark.encode(), _session_mark(body, seed).encode())


def hash_secret(secret: str) -> str:
    """The stored form of a refresh token. It is random, so a plain hash cannot be guessed back."""
    return sha256(secret.encode()).hexdigest()


def new_signing_key(*, now: datetime) -> Document:
    """A new Ed25519 key pair as it is stored."""
    private = Ed25519PrivateKey.generate()
    kid = token_urlsafe(12)
    public = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    return {
        "_id": kid,
        "state": "signing",
        "private_key": pem,
        "public_key": {**public, "kid": kid, "use": "sig", "alg": ALGORITHM},
        "created_at": now,
    }


def sign_access_token(
    key: SigningKey,
    *,
    user_id: str,
    role: str,
    via: str | None,
    token_id: str,
    now: datetime,
    session: str | None = None,
    version: int | None = None,
) -> str:
    """An access token (RFC 9068) that works for ten minutes in every service.

    It names its session and the version of the user's rights, by which it is revoked. `iat` has
    milliseconds, by which services of the release before tell tokens from before a revocation.
    """
    issued_at = round(now.timestamp(), 3)
    claims: Document = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user_id,
        "role": role,
        "jti": token_id,
        "iat": issued_at,
        "nbf": int(issued_at),
        "exp": int(issued_at) + ACCESS_SECONDS,
    }
    more = {"act": None if via is None else {"sub": via}, "sid": session, "ver": version}
    claims |= {name: value for name, value in more.items() if value is not None}
    return jwt.encode(
        claims, key.private_key, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TOKEN_TYPE}
    )


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=_PATIENCE):
        raise Unavailable("Too many sign in at this moment; try again in a moment.")
    try:
        yield
    finally:
        _places.release()


def _is_behind(password_hash: str, password: str) -> bool:
    with _place():
        try:
            return _HASHER.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _session_mark(body: str, seed: str) -> str:
    # By itself no secret: it tells a token that was replaced long ago from one that never was.
    return _text(digest(bytes.fromhex(seed), b"mark " + body.encode(), sha256)[:16])


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _random(size: int) -> str:
    return b64encode(token_bytes(size)).decode("ascii").rstrip("=")


# Looks like any other, and costs the same to check; but nobody knows a password behind it.
_NOBODY = (
    f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    f"${_random(_HASHER.salt_len)}${_random(_HASHER.hash_len)}"
)
