"""More kinds of forged tokens: of each family of attacks as many as there are ways to write it."""

import hmac
import json
import time
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256, sha384, sha512
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from shared.auth.tokens import ACCESS_SECONDS, AUDIENCE, ISSUER, LEEWAY_SECONDS, TOKEN_TYPE
from tests.support.forgery import FORGERIES, LEFT_OUT, Changes, Make, Mint, ago, assemble, mint

# The order of the group that Ed25519 signs in: S and S + L fit the same message.
L = 2**252 + 27742317777372353535851937790883648493
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _claim(**changes: Any) -> Make:
    return _raw_claims(
        lambda mint: orjson.dumps(
            {name: one for name, one in (mint.claims() | changes).items() if one is not LEFT_OUT}
        )
    )


def _header(**changes: Any) -> Make:
    return lambda mint: mint.assembled(changes, mint.sign)


def _unsigned(algorithm: Any) -> Make:
    return lambda mint: mint.assembled({"alg": algorithm}, lambda _: b"")


def _spelt(spell: Callable[[str], str]) -> Make:
    """A right token, written in another way."""
    return lambda mint: spell(mint.token())


def _parts(change: Callable[[str, str, str], str]) -> Make:
    return _spelt(lambda token: change(*token.split(".")))


def _hmac(algorithm: str, secret: Callable[[Mint], bytes]) -> Make:
    digest = {"HS256": sha256, "HS384": sha384, "HS512": sha512}[algorithm]
    return lambda mint: mint.assembled(
        {"alg": algorithm}, lambda message: hmac.digest(secret(mint), message, digest)
    )


def _der(mint: Mint) -> bytes:
    key = load_pem_public_key(mint.public_pem())
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _raw(mint: Mint) -> bytes:
    return urlsafe_b64decode(mint.key["public_key"]["x"] + "==")


def _of_rsa(mint: Mint) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return mint.assembled(
        {"alg": "RS256"},
        lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA256()),
    )


def _of_elliptic_curve(mint: Mint) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return mint.assembled(
        {"alg": "ES256"}, lambda message: key.sign(message, ec.ECDSA(hashes.SHA256()))
    )


def _signed_as(change: Callable[[bytes], bytes]) -> Make:
    """The true signature, changed."""
    return lambda mint: mint.assembled({}, lambda message: change(mint.sign(message)))


def _malleated(signature: bytes) -> bytes:
    scalar = int.from_bytes(signature[32:], "little") + L
    return signature[:32] + scalar.to_bytes(32, "little")


def _last_letter(token: str) -> str:
    """The same bytes, spelt by a letter whose spare bits are not zero."""
    at = _LETTERS.index(token[-1])
    return token[:-1] + _LETTERS[at + 1]


def _raw_claims(claims: Callable[[Mint], bytes]) -> Make:
    return lambda mint: assemble(orjson.dumps(mint.header()), claims(mint), mint.sign)


def _twice(name: str, first: Any) -> Make:
    """Claims in which a name comes twice; the latter is the right one."""
    return _raw_claims(
        lambda mint: (
            b'{"%s":%s,' % (name.encode(), orjson.dumps(first)) + orjson.dumps(mint.claims())[1:]
        )
    )


def _number(name: str, text: bytes) -> Make:
    """A claim that is written as a number which JSON libraries read in different ways."""

    def claims(mint: Mint) -> bytes:
        rest = {key: value for key, value in mint.claims().items() if key != name}
        return b'{"%s":%s,' % (name.encode(), text) + orjson.dumps(rest)[1:]

    return _raw_claims(claims)


def _in_json(mint: Mint) -> str:
    header, claims, signature = mint.token().split(".")
    return json.dumps({"payload": claims, "protected": header, "signature": signature})


def _in_general_json(mint: Mint) -> str:
    header, claims, signature = mint.token().split(".")
    one = {"protected": header, "signature": signature}
    return json.dumps({"payload": claims, "signatures": [one, one]})


def _nested(made: Mint) -> str:
    return assemble(orjson.dumps({**made.header(), "cty": "JWT"}), made.token().encode(), made.sign)


def _of_same_kid(made: Mint) -> str:
    """By somebody who has published a key of their own under our kid."""
    other = mint()
    other.key["_id"] = made.key["_id"]
    return other.token()


def _of_shortened_claims(mint: Mint) -> str:
    """With the signature of the first half of its message."""
    return mint.assembled({}, lambda message: mint.sign(message[: len(message) // 2]))


def _without_separators(mint: Mint) -> str:
    return mint.assembled({}, lambda message: mint.sign(message.replace(b".", b"")))


def _of_claims_alone(mint: Mint) -> str:
    return mint.assembled({}, lambda message: mint.sign(message.split(b".")[1]))


def _long_lived(mint: Mint) -> str:
    return mint.token(exp=int(time.time()) + 10 * 365 * 86_400)


_BAD_TIMES: dict[str, Any] = {
    "null": None,
    "true": True,
    "text of a number": "9999999999",
    "a list": [9999999999],
    "an object": {"$gt": 0},
    "negative": -1,
    "beyond 53 bits": 2**60,
    "empty text": "",
}
_BAD_NAMES: dict[str, Any] = {
    "null": None,
    "empty": "",
    "true": True,
    "a list": ["a" * 24],
    "an object": {"$ne": None},
    "a NUL": "a" * 23 + "\x00",
    "long": "a" * 1_000,
}


def _typed(name: str, values: Changes) -> dict[str, Make]:
    return {f"{name} is {what}": _claim(**{name: value}) for what, value in values.items()}


MORE: dict[str, Make] = {
    **{f"alg {name}": _unsigned(name) for name in ("nOnE", "none ", "NoNe\x00", "", "EdDSA")},
    "alg is null": _unsigned(None),
    "alg is true": _unsigned(True),
    "alg is a number": _unsigned(0),
    "alg in lower case": _header(alg="eddsa"),
    "alg of the curve": _header(alg="Ed25519"),
    "alg of another curve": _header(alg="Ed448"),
    "HS256 with an empty secret": _hmac("HS256", lambda _: b""),
    "HS256 with a NUL": _hmac("HS256", lambda _: b"\x00"),
    "HS256 with the public key as DER": _hmac("HS256", _der),
    "HS256 with the bytes of the public key": _hmac("HS256", _raw),
    "HS256 with the public key as PEM, trimmed": _hmac("HS256", lambda m: m.public_pem().strip()),
    "HS384 with the public key as PEM": _hmac("HS384", Mint.public_pem),
    "HS512 with the public key as PEM": _hmac("HS512", Mint.public_pem),
    "HS256 with the kid": _hmac("HS256", lambda mint: mint.key["_id"].encode()),
    "RS256": _of_rsa,
    "ES256": _of_elliptic_curve,
    "ES256 of zeros": lambda mint: mint.assembled({"alg": "ES256"}, lambda _: bytes(64)),
    "EdDSA of zeros": _signed_as(lambda _: bytes(64)),
    "EdDSA of a small order": _signed_as(lambda _: b"\x01" + bytes(63)),
    "EdDSA with S + L": _signed_as(_malleated),
    "EdDSA in DER": _signed_as(lambda signature: b"\x30\x44\x02\x20" + signature),
    "EdDSA with a byte more": _signed_as(lambda signature: signature + b"\x00"),
    "EdDSA with a byte less": _signed_as(lambda signature: signature[:-1]),
    "EdDSA turned around": _signed_as(lambda signature: signature[32:] + signature[:32]),
    "EdDSA with a bit flipped": _signed_as(lambda s: bytes((s[0] ^ 1,)) + s[1:]),
    "signature of half of it": _of_shortened_claims,
    "signature without the dot": _without_separators,
    "signature of the claims": _of_claims_alone,
    "signed under our kid": _of_same_kid,
    "two signatures": _parts(lambda h, c, s: f"{h}.{c}.{s}.{s}"),
    "signatures in a list": _parts(lambda h, c, s: f"{h}.{c}.{s},{s}"),
    "JSON serialisation": _in_json,
    "general JSON serialisation": _in_general_json,
    "a token in a token": _nested,
    "encrypted directly": _parts(lambda h, c, s: f"{h}..{c}.{s}.{s}"),
    "a dot before": _spelt(lambda token: "." + token),
    "a dot after": _spelt(lambda token: token + "."),
    "dots doubled": _spelt(lambda token: token.replace(".", "..")),
    "no signature and no dot": _parts(lambda h, c, _: f"{h}.{c}"),
    "no header": _parts(lambda _, c, s: f".{c}.{s}"),
    "no claims": _parts(lambda h, _, s: f"{h}..{s}"),
    "padded": _spelt(lambda token: token + "=="),
    "padded in its header": _parts(lambda h, c, s: f"{h}=.{c}.{s}"),
    "padded in its claims": _parts(lambda h, c, s: f"{h}.{c}=.{s}"),
    "last bits not zero": _spelt(_last_letter),
    "a space in its signature": _spelt(lambda token: token[:-5] + " " + token[-5:]),
    "a tab in its signature": _spelt(lambda token: token[:-5] + "\t" + token[-5:]),
    "a sign in its signature": _spelt(lambda token: token[:-5] + "!" + token[-5:]),
    "a sign in its claims": _parts(lambda h, c, s: f"{h}.{c[:5]}*{c[5:]}.{s}"),
    "a NUL after": _spelt(lambda token: token + "\x00"),
    "a comma after": _spelt(lambda token: token + ","),
    "a token beside it": _spelt(lambda token: f"{token}, Bearer {token}"),
    "in quotes": _spelt(lambda token: f'"{token}"'),
    "in brackets": _spelt(lambda token: f"<{token}>"),
    "percent-encoded": _spelt(lambda token: token.replace(".", "%2E")),
    "in capitals": _spelt(str.upper),
    "encoded twice": _spelt(lambda token: urlsafe_b64encode(token.encode()).decode()),
    "in another alphabet": lambda mint: (
        mint.assembled({}, mint.sign).rpartition(".")[0] + "." + b64encode(b"\xff" * 64).decode()
    ),
    "typ at+JWT": _header(typ="at+JWT"),
    "typ as a media type": _header(typ=f"application/{TOKEN_TYPE}"),
    "typ null": _header(typ=None),
    "typ of an ID token": _header(typ="id+jwt"),
    "jku": _header(jku="http://127.0.0.1:1/jwks.json"),
    "x5u": _header(x5u="http://127.0.0.1:1/cert.pem"),
    "x5c": _header(x5c=["MIIB"]),
    "x5t": _header(x5t="abc"),
    "jwk that is ours": lambda mint: mint.assembled({"jwk": mint.key["public_key"]}, mint.sign),
    "zip": _header(zip="DEF"),
    "cty": _header(cty="JWT"),
    "enc": _header(enc="A256GCM"),
    "crit empty": _header(crit=[]),
    "crit of b64": _header(crit=["b64"], b64=False),
    "crit of exp": _header(crit=["exp"], exp=0),
    "claims in its header": _header(role="admin", sub="a" * 24),
    "kid null": _header(kid=None),
    "kid of Mongo": _header(kid={"$ne": None}),
    "kid with a NUL": lambda mint: mint.assembled({"kid": mint.key["_id"] + "\x00"}, mint.sign),
    "kid with a space": lambda mint: mint.assembled({"kid": mint.key["_id"] + " "}, mint.sign),
    "kid of SQL": _header(kid="x' UNION SELECT 'secret'--"),
    "kid of a file": _header(kid="/dev/null"),
    "kid of a shell": _header(kid="$(id)"),
    "kid huge": _header(kid="a" * 200_000),
    "kid in capitals": lambda mint: mint.assembled({"kid": mint.key["_id"].swapcase()}, mint.sign),
    "kid twice": lambda mint: assemble(
        b'{"kid":"unknown",' + orjson.dumps(mint.header())[1:],
        orjson.dumps(mint.claims()),
        mint.sign,
    ),
    "alg twice": lambda mint: assemble(
        b'{"alg":"none",' + orjson.dumps(mint.header())[1:], orjson.dumps(mint.claims()), mint.sign
    ),
    "sub twice": _twice("sub", "b" * 24),
    "role twice": _twice("role", "sales"),
    "exp twice": _twice("exp", 0),
    **_typed("exp", _BAD_TIMES),
    **_typed("iat", _BAD_TIMES),
    **_typed("nbf", _BAD_TIMES),
    **{
        f"{name} is {text.decode()[:12]}": _number(name, text)
        for name in ("exp", "iat", "nbf")
        for text in (b"1e400", b"Infinity", b"NaN", b"-Infinity", b"9" * 5_000)
    },
    "exp is a fraction": lambda mint: mint.token(exp=time.time() + 60.5),
    "nbf is a fraction": lambda mint: mint.token(nbf=time.time() - 0.5),
    "exp at the edge": lambda mint: mint.token(exp=ago(LEEWAY_SECONDS)),
    "exp zero": _claim(exp=0),
    "exp in years": _long_lived,
    "exp a little too far": lambda mint: mint.token(exp=ago(-ACCESS_SECONDS - LEEWAY_SECONDS - 9)),
    "nbf ahead": lambda mint: mint.token(nbf=ago(-LEEWAY_SECONDS - 500)),
    "iat ahead": lambda mint: mint.token(iat=ago(-LEEWAY_SECONDS - 500)),
    **_typed("sub", _BAD_NAMES),
    **_typed("jti", _BAD_NAMES),
    "sub of somebody's e-mail": _claim(sub="owner@shop.example"),
    "sub in capitals": _claim(sub="A" * 24),
    "sub with a line after it": _claim(sub="a" * 24 + "\n"),
    "aud a list with ours": _claim(aud=[AUDIENCE, "another"]),
    "aud a list of ours": _claim(aud=[AUDIENCE]),
    "aud in capitals": _claim(aud=AUDIENCE.upper()),
    "aud empty": _claim(aud=""),
    "aud null": _claim(aud=None),
    "aud with more": _claim(aud=AUDIENCE + "s"),
    "iss a list of ours": _claim(iss=[ISSUER]),
    "iss null": _claim(iss=None),
    "iss with a slash": _claim(iss=ISSUER + "/"),
    "role null": _claim(role=None),
    "role empty": _claim(role=""),
    "role in capitals": _claim(role="ADMIN"),
    "role with a space": _claim(role="admin "),
    "role true": _claim(role=True),
    "role both": _claim(role="admin,sales"),
    "role under another name": _claim(role=LEFT_OUT, roles=["admin"]),
    **{f"sid is {what}": _claim(sid=one) for what, one in _BAD_NAMES.items()},
    **{f"ver is {what}": _claim(ver=one) for what, one in _BAD_TIMES.items()},
    "act is text": _claim(act="imports"),
    "act is null": _claim(act=None),
    "act is a list": _claim(act=[{"sub": "imports"}]),
    "act is empty": _claim(act={}),
    "act of nobody": _claim(act={"sub": ""}),
    "act of a list": _claim(act={"sub": ["imports"]}),
    "act of Mongo": _claim(act={"sub": {"$ne": None}}),
    "claims are null": _raw_claims(lambda _: b"null"),
    "claims are text": _raw_claims(lambda _: b'"admin"'),
    "claims are a number": _raw_claims(lambda _: b"1"),
    "claims are empty": _raw_claims(lambda _: b"{}"),
    "claims with something after": _raw_claims(lambda m: orjson.dumps(m.claims()) + b"{}"),
    "claims in UTF-16": _raw_claims(lambda m: orjson.dumps(m.claims()).decode().encode("utf-16")),
    "claims after a byte order mark": _raw_claims(
        lambda mint: b"\xef\xbb\xbf" + orjson.dumps(mint.claims())
    ),
    "larger than any of ours": lambda mint: jwt.encode(
        {**mint.claims(), "pad": "a" * 5_000},
        mint.key["private_key"],
        algorithm="EdDSA",
        headers=mint.header(),
    ),
}
ALL: dict[str, Make] = {**FORGERIES, **MORE}
