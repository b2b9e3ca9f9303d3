"""JSON that means one thing: no name twice in an object, no number that would lose digits unseen.

Knows no request. orjson reads nearly every text alone. It takes the last of two values of one
name, and turns a whole number past 64 bits into an inexact one; a text in which it may have done
so is read again with the standard library, which takes longer and tells.
"""

import json
from typing import Any

import orjson

MAX_DIGITS = 34
"""Digits of a decimal number; as many as the database has for exact ones."""

# No whole number of fewer digits is past 64 bits.
_MANY_DIGITS = b"0" * 19
_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
_SHOWN = 60
_LEAST, _MOST = -(2**63), 2**63 - 1


class NotJson(ValueError):
    """The text is no JSON; the message says where."""


class NameTwice(ValueError):
    """An object in the text has a name twice; the message names it."""


class LongNumber:
    """A number that nothing here keeps as it is. No field takes it."""

    def __init__(self, text: str) -> None:
        self.text = text


def loads(text: bytes) -> Any:
    """The value of a JSON text. Numbers too long to be kept as they are become `LongNumber`.

    :raises NotJson: it is none; unlike the standard library's, that includes NaN, halves of
        surrogate pairs and endless nesting.
    :raises NameTwice: an object has a name twice.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise NotJson(f"line {error.lineno}, column {error.colno}") from error
    return value if _is_plain(text, value) else _read_again(text)


def _is_plain(text: bytes, value: Any) -> bool:
    """True if nothing was lost; false if something may have been.

    Written again, the value has as many colons as the text, in strings and behind names, unless a
    name went missing. A colon that is written as an escape is the one way to deceive this.
    """
    if b"\\u003" in text or _MANY_DIGITS in text.translate(_ALIKE, b"."):
        return False
    try:
        return text.count(b":") == orjson.dumps(value).count(b":")
    except orjson.JSONEncodeError:
        # It reads deeper nesting than it writes.
        return False


def _read_again(text: bytes) -> Any:
    try:
        return json.loads(
            text.decode(),
            object_pairs_hook=_without_repeats,
            parse_int=_whole,
            parse_float=_decimal,
        )
    except RecursionError as error:
        raise NotJson("it is nested too deeply") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                shown = json.dumps(name[:_SHOWN], ensure_ascii=False)
                raise NameTwice(f"The name {shown} is twice in one object")
            seen.add(name)
    return made


def _whole(text: str) -> int | LongNumber:
    # Reading a long one takes the longer the longer it is, and Python refuses the longest.
    if len(text) > len(str(_LEAST)) or not _LEAST <= int(text) <= _MOST:
        return LongNumber(text)
    return int(text)


def _decimal(text: str) -> float | LongNumber:
    digits = text.lower().partition("e")[0].lstrip("-0.").replace(".", "")
    return LongNumber(text) if len(digits) > MAX_DIGITS else float(text)
