"""Shape of our access tokens, held to before a signature is looked at. Knows no key.

Who signs them is one service, so nothing is taken that it would not write: one way of spelling a
token, the three names of a header, and claims of the types that it gives them. What a library
would pass over in silence (padding, a header that brings its own key, a time as text) ends here.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from math import isfinite
from typing import Any

from shared.identifiers import is_id

Claims = dict[str, Any]

# An Ed25519 signature is 64 bytes, so that its last letter has four bits to spare: those are zero.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,512}\.[A-Za-z0-9_-]{1,3584}\.[A-Za-z0-9_-]{85}[AQgw]")
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class OddToken(ValueError):
    """This is none of the tokens that accounts writes."""


def key_id(token: str, *, algorithm: str, type: str, longest: int) -> str:
    """The id of the key that a token says it was signed with.

    Of a token that works for more than `longest` seconds nobody would know when it is dead.

    :raises OddToken: it has not the shape of our tokens.
    """
    if not _TOKEN.fullmatch(token):
        raise OddToken("It is not spelt as a token.")
    header, claims, _ = token.split(".")
    kid = _read(header).pop("kid", None)
    if _read(header) != {"alg": algorithm, "typ": type, "kid": kid}:
        raise OddToken("Its header is not one of ours.")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise OddToken("Its kid is none.")
    _refuse_odd(_read(claims), longest=longest)
    return kid


def _refuse_odd(claims: Claims, *, longest: int) -> None:
    for name, fits in _CLAIMS.items():
        if not fits(claims.get(name)):
            raise OddToken(f"The claim {name} is missing, or not of its type.")
    for name, fits in _FURTHER_CLAIMS.items():
        if name in claims and not fits(claims[name]):
            raise OddToken(f"The claim {name} is not of its type.")
    if claims["exp"] - claims["iat"] > longest:
        raise OddToken("It works for longer than any of ours.")


def _read(part: str) -> Claims:
    try:
        padded = part + "=" * (-len(part) % 4)
        read = json.loads(
            urlsafe_b64decode(padded).decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise OddToken("A part of it is not JSON.") from error
    if not isinstance(read, dict):
        raise OddToken("A part of it is no object.")
    return read


def _once(pairs: list[tuple[str, Any]]) -> Claims:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise OddToken("A name comes twice.")
    return read


def _refuse_constant(name: str) -> None:
    raise OddToken(f"{name} is no number.")


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _is_time(value: Any) -> bool:
    return _is_whole(value) or (type(value) is float and isfinite(value) and 0 <= value < 2**53)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100 and value.isprintable()


def _is_actor(value: Any) -> bool:
    # Of one that cannot be read nobody may think that the person acts by themselves.
    return isinstance(value, dict) and _is_name(value.get("sub"))


_CLAIMS: dict[str, Callable[[Any], bool]] = {
    "iss": _is_name,
    "aud": _is_name,
    "sub": lambda value: isinstance(value, str) and is_id(value),
    "jti": _is_name,
    "iat": _is_time,
    "nbf": _is_whole,
    "exp": _is_whole,
}
_FURTHER_CLAIMS: dict[str, Callable[[Any], bool]] = {
    "act": _is_actor,
    "sid": _is_name,
    "ver": _is_whole,
}
"""Who acts for the person, their session, and the version of what they may do."""
