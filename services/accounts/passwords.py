"""Passwords: their one form, and which are refused.

Pure: no database, no hash, no framework. The list of common ones is read when it is first needed.
"""

import re
import runpy
import unicodedata
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from shared.errors import FieldError, Invalid

SHORTEST = 12
LONGEST = 128
LONGEST_RAW = 4 * LONGEST
"""Characters that are looked at. One of the common form takes up to four of the others."""

SHORTEST_WORD = 4
"""A shorter part of a name or an address is in many good passwords, by chance."""

# What is put before and after a word to make it look like a password.
_TRIMMING = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_SIGNS = re.compile(r"[\W_]+")
# One step up or down from sign to sign; keyboards have 0 after 9.
_UPWARDS, _DOWNWARDS = frozenset({1, -9}), frozenset({-1, 9})


class PasswordRefused(Invalid):
    """The password is one of the first that somebody would guess, or of no fit length."""


def canonical(password: str) -> str:
    """The form in which passwords are measured, compared and hashed: NFC, as RFC 8265 has it.

    An `é` is one sign on one keyboard, and two on another.
    """
    return unicodedata.normalize("NFC", password)


def check(password: str, *, email: str, name: str, field: str = "password") -> None:
    """Let a password pass that its owner, with this address and name, may use.

    :raises PasswordRefused: it is too easily guessed; `field` is named with the reason.
    """
    password = canonical(password)
    reason = (
        _weakness(password.casefold(), email=email, name=name)
        if SHORTEST <= len(password) <= LONGEST
        else f"It has to have {SHORTEST} to {LONGEST} characters."
    )
    if reason is not None:
        raise PasswordRefused("This password cannot be used.", errors=(FieldError(field, reason),))


def _weakness(password: str, *, email: str, name: str) -> str | None:
    piece = _repeated(password)
    if len(piece) < SHORTEST_WORD or _is_run(password):
        return "It repeats a few signs, or counts; choose one that nobody would guess."
    if _is_common(password) or _is_common(piece) or _is_padded(password, _core(password)):
        return "It is, or is made of, one of the most common passwords; choose another."
    if any(_is_padded(_plain(password), word) for word in _words(email)):
        return "It is little more than the e-mail address; choose another."
    if any(_is_padded(_plain(password), word) for word in _words(name)):
        return "It is little more than the name of its owner; choose another."
    return None


def _repeated(password: str) -> str:
    """The shortest piece that makes the password when repeated; at most the password itself."""
    return password[: (password + password).index(password, 1)]


def _is_run(password: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in pairwise(password)}
    return len(steps) <= 1 or steps <= _UPWARDS or steps <= _DOWNWARDS


def _is_common(word: str) -> bool:
    return word in _common()


def _core(password: str) -> str:
    """The common word in a password like `Dragon-2024`, or nothing."""
    core = _TRIMMING.sub("", password)
    return core if _is_common(core) else ""


def _words(text: str) -> set[str]:
    """What somebody would try who knows a name or an address."""
    folded = canonical(text).casefold()
    parts = {_plain(part) for part in (folded, folded.partition("@")[0], *folded.split())}
    return {part for part in parts if len(part) >= SHORTEST_WORD}


def _plain(text: str) -> str:
    """Letters and digits alone."""
    return _SIGNS.sub("", text)


def _is_padded(password: str, word: str) -> bool:
    """True if the word makes up half of the password, or more."""
    return bool(word) and 2 * len(word) * password.count(word) >= len(password)


@cache
def _common() -> frozenset[str]:
    """The most common passwords, in lower case: 30,000, about 2 MB.

    The wheel of zxcvbn has them. Imported, it would make tables of all its lists and keep them.
    """
    spec = find_spec("zxcvbn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("zxcvbn is not installed; its list of passwords is needed.")
    lists = runpy.run_path(str(Path(spec.origin).with_name("frequency_lists.py")))
    return frozenset(lists["FREQUENCY_LISTS"]["passwords"])
