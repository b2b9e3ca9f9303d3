"""Tokens as accounts would sign them, and tokens as somebody would make them who may not."""

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from services.accounts import crypto
from shared.auth.tokens import ACCESS_SECONDS, AUDIENCE, ISSUER, TOKEN_TYPE
from shared.document import Document
from shared.identifiers import new_id

Changes = dict[str, Any]
Make = Callable[["Mint"], str]
LEFT_OUT = object()


@dataclass(frozen=True)
class Mint:
    """Makes tokens around one key pair, as accounts stores it.

    `seen` has the claims of a token that accounts signed, whose times and id are made again.
    """

    key: Document
    seen: Changes = field(default_factory=dict)

    def token(self, header: Changes | None = None, /, **claims: Any) -> str:
        """A token that is right but for what is given here. Its signature always fits."""
        private = self.key["private_key"]
        return jwt.encode(
            _without_gaps(self.claims() | claims),
            private,
            algorithm="EdDSA",
            headers=_without_gaps(self.header() | (header or {})),
        )

    def assembled(self, header: Changes, sign: Callable[[bytes], bytes]) -> str:
        """A token with any header at all, and with the signature that `sign` gives."""
        whole = orjson.dumps(_without_gaps(self.header() | header))
        return assemble(whole, orjson.dumps(self.claims()), sign)

    def sign(self, message: bytes) -> bytes:
        """The true signature of a message."""
        return self._private().sign(message)

    def public_pem(self) -> bytes:
        """The public key, as anybody may have it."""
        return (
            self._private()
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )

    def header(self) -> Changes:
        """The header that a token has to have."""
        return {"alg": "EdDSA", "typ": TOKEN_TYPE, "kid": self.key["_id"]}

    def claims(self) -> Changes:
        """The claims that a token has to have."""
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "a" * 24, "role": "admin"}
        return (usual | self.seen) | {
            "jti": new_id(),
            "iat": now,
            "nbf": now,
            "exp": now + ACCESS_SECONDS,
        }

    def _private(self) -> Ed25519PrivateKey:
        private = load_pem_private_key(self.key["private_key"].encode(), None)
        assert isinstance(private, Ed25519PrivateKey)
        return private


def mint(key: Document | None = None) -> Mint:
    """A mint with this key pair, or with one that nobody knows."""
    return Mint(key or crypto.new_signing_key(now=datetime.now(UTC)))


def assemble(header: bytes, claims: bytes, sign: Callable[[bytes], bytes]) -> str:
    """A token of any three parts."""
    message = _b64(header) + b"." + _b64(claims)
    return (message + b"." + _b64(sign(message))).decode("ascii")


def ago(seconds: int) -> int:
    """The time some seconds ago, as a token says it; a negative number lies ahead."""
    return int(time.time()) - seconds


def _b64(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def _without_gaps(fields: Changes) -> Changes:
    return {name: value for name, value in fields.items() if value is not LEFT_OUT}


def _unsigned(algorithm: str) -> Make:
    return lambda mint: mint.assembled({"alg": algorithm}, lambda _: b"")


def _with_public_key_as_secret(public: Callable[[Mint], bytes]) -> Make:
    """The classic confusion: what everybody knows, used as the secret of HMAC."""
    return lambda mint: mint.assembled(
        {"alg": "HS256"}, lambda message: hmac.digest(public(mint), message, sha256)
    )


def _header(**changes: Any) -> Make:
    return lambda mint: mint.token(changes)


def _claims(**changes: Any) -> Make:
    return lambda mint: mint.token(**changes)


def _of_somebody_else(made: Mint) -> str:
    return mint().token({"kid": made.key["_id"]})


def _with_a_key_of_its_own(made: Mint) -> str:
    other = mint()
    return other.token({"kid": made.key["_id"], "jwk": other.key["public_key"]})


def _with_claims_exchanged(made: Mint) -> str:
    _, claims, _ = made.token(role="admin").split(".")
    header, _, signature = made.token(role="sales").split(".")
    return f"{header}.{claims}.{signature}"


FORGERIES: dict[str, Make] = {
    "alg none": _unsigned("none"),
    "alg None": _unsigned("None"),
    "alg NONE": _unsigned("NONE"),
    "alg missing": lambda mint: mint.assembled({"alg": LEFT_OUT}, mint.sign),
    "alg unknown": lambda mint: mint.assembled({"alg": "XX999"}, mint.sign),
    "alg is a list": lambda mint: mint.assembled({"alg": ["EdDSA"]}, mint.sign),
    "HS256 with the public key as PEM": _with_public_key_as_secret(Mint.public_pem),
    "HS256 with the public key as JSON": _with_public_key_as_secret(
        lambda mint: orjson.dumps(mint.key["public_key"])
    ),
    "HS256 with the x of the public key": _with_public_key_as_secret(
        lambda mint: mint.key["public_key"]["x"].encode()
    ),
    "another signer": _of_somebody_else,
    "a key in its header": _with_a_key_of_its_own,
    "claims exchanged": _with_claims_exchanged,
    "signature cut off": lambda mint: mint.token().rpartition(".")[0] + ".",
    "signature cut short": lambda mint: mint.token()[:-10],
    "kid unknown": _header(kid="unknown"),
    "kid missing": lambda mint: mint.assembled({"kid": LEFT_OUT}, mint.sign),
    "kid is a path": _header(kid="../../../../dev/null"),
    "kid is an address": _header(kid="http://127.0.0.1:1/jwks.json"),
    "kid is a query": _header(kid="' OR ''='"),
    "kid is empty": _header(kid=""),
    "kid is long": _header(kid="a" * 10_000),
    "kid with a line after it": lambda mint: mint.token({"kid": mint.key["_id"] + "\n"}),
    "kid is a number": lambda mint: mint.assembled({"kid": 1}, mint.sign),
    "kid is a list": lambda mint: mint.assembled({"kid": [mint.key["_id"]]}, mint.sign),
    "typ JWT": _header(typ="JWT"),
    "typ missing": lambda mint: mint.assembled({"typ": LEFT_OUT}, mint.sign),
    "typ of another token": _header(typ="rt+jwt"),
    "typ is a list": lambda mint: mint.assembled({"typ": [TOKEN_TYPE]}, mint.sign),
    "unknown extension": lambda mint: mint.assembled({"crit": ["x"], "x": 1}, mint.sign),
    "claims not encoded": lambda mint: mint.assembled({"b64": False}, mint.sign),
    "aud of somebody else": _claims(aud="another"),
    "aud missing": _claims(aud=LEFT_OUT),
    "aud is a number": _claims(aud=1),
    "iss of somebody else": _claims(iss="another"),
    "iss missing": _claims(iss=LEFT_OUT),
    "exp missing": _claims(exp=LEFT_OUT),
    "exp is text": _claims(exp="never"),
    "exp is null": _claims(exp=None),
    "expired": lambda mint: mint.token(exp=ago(31)),
    "not yet valid": lambda mint: mint.token(nbf=ago(-900)),
    "nbf missing": _claims(nbf=LEFT_OUT),
    "iat missing": _claims(iat=LEFT_OUT),
    "iat is text": _claims(iat="yesterday"),
    "issued in the future": lambda mint: mint.token(iat=ago(-900)),
    "sub missing": _claims(sub=LEFT_OUT),
    "sub is a number": _claims(sub=1),
    "sid is a number": _claims(sid=1),
    "ver is text": _claims(ver="1"),
    "jti missing": _claims(jti=LEFT_OUT),
    "jti is a number": _claims(jti=1),
    "role missing": _claims(role=LEFT_OUT),
    "role unknown": _claims(role="owner"),
    "role is a list": _claims(role=["admin"]),
    "role is an object": _claims(role={"admin": True}),
    "claims are a list": lambda mint: assemble(orjson.dumps(mint.header()), b'["sub"]', mint.sign),
    "claims are no JSON": lambda mint: assemble(orjson.dumps(mint.header()), b"{", mint.sign),
    "claims are deep": lambda mint: assemble(
        orjson.dumps(mint.header()), b"[" * 100_000, mint.sign
    ),
    "header is a list": lambda mint: assemble(b"[]", b"{}", mint.sign),
    "header is no JSON": lambda mint: assemble(b"{", b"{}", mint.sign),
    "header is deep": lambda mint: assemble(b"[" * 100_000, b"{}", mint.sign),
    "header with a huge number": lambda mint: assemble(
        b'{"kid":' + b"1" * 5_000 + b"}", b"{}", mint.sign
    ),
    "header is not UTF-8": lambda mint: assemble(b"\xff\xfe", b"{}", mint.sign),
    "one word": lambda _: "token",
    "only dots": lambda _: "..",
    "a refresh token": lambda _: "6721f0c2a1b2c3d4e5f60718.hVJ2mS0V8yq3nqz0bq9k0w",
    "an encrypted token": lambda _: "a.b.c.d.e",
    "not ASCII": lambda _: "t\xf6k\xe9n.a.b",
    "huge": lambda _: "a" * 1_000_000,
    "huge with dots": lambda _: ".".join(["a" * 300_000] * 3),
}
