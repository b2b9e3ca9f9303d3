"""Signatures of what travels through Redis, by keys that all services share. Knows no file.

Who can write to Redis, but has no key, can neither make a message nor alter one, nor give one that
was made for one service to another.
"""

import hmac
import json
from collections.abc import Sequence
from typing import Literal

KEY_BYTES = 32
MAX_KEYS = 2
"""The one that signs, and another that is accepted while keys are changed."""

Purpose = Literal["event", "receipts"]


class KeysUnfit(Exception):
    """A text does not hold keys as they have to be; the message says in what way."""


def read_keys(text: str) -> tuple[bytes, ...]:
    """The keys in a text, one a line, in hexadecimal digits; the first one signs.

    :raises KeysUnfit: one is none, or there are too many; the message repeats no key.
    """
    lines = text.split()
    try:
        keys = tuple(bytes.fromhex(line) for line in lines)
    except ValueError:
        keys = ()
    if not keys or len(keys) > MAX_KEYS or any(len(key) != KEY_BYTES for key in keys):
        raise KeysUnfit(
            f"It needs one key, or {MAX_KEYS} while they are changed, each on a line of its own "
            f"and of {2 * KEY_BYTES} hexadecimal digits."
        )
    return keys


class Signer:
    """Signs with the first of its keys, and knows what any of them signed."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def sign(self, purpose: Purpose, to: str, content: object) -> str:
        """The signature of plain JSON data that is for one service.

        :raises ValueError, TypeError: it is no such data.
        """
        return _signature(self._keys[0], purpose, to, content)

    def has_signed(self, signature: object, purpose: Purpose, to: str, content: object) -> bool:
        """True if the signature is of exactly this content, for this purpose and service."""
        if not isinstance(signature, str) or not signature.isascii():
            return False
        try:
            made = [_signature(key, purpose, to, content) for key in self._keys]
        except (ValueError, TypeError, RecursionError):
            return False
        return any(hmac.compare_digest(one, signature) for one in made)


def _signature(key: bytes, purpose: Purpose, to: str, content: object) -> str:
    # The standard encoder refuses what is no plain JSON. Others write a time or a UUID, which kombu
    # reads out of a message, like the text that it is not, so that one would pass for the other.
    text = json.dumps([purpose, to, content], sort_keys=True, allow_nan=False)
    return hmac.digest(key, text.encode(), "sha256").hex()
