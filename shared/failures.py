"""Exceptions in words that may be logged and kept: what failed and where, without any value.

The text of most exceptions repeats what was being handled: a duplicate key names the address that
somebody has, a broken rule of the database the whole document. Knows no library.
"""

import traceback
from pathlib import Path

_ROOT = Path(__file__).parents[1]


class Plain(Exception):
    """An exception whose text repeats no value of any document, so that it may be shown."""


def in_short(error: BaseException) -> str:
    """The type of an exception, and its text if that holds no value, or else where it was raised.

    Of an error of the database its code: 11000 is a duplicate key, 121 a broken rule.
    """
    name = type(error).__name__
    if isinstance(error, Plain):
        return f"{name}: {error}"
    codes = _codes(error)
    if codes:
        return f"{name}: code {', '.join(codes)}{_place(error)}"
    return f"{name}{_place(error)}"


def trace(error: BaseException) -> str:
    """The trace of an exception and of those behind it, the first one first, without any value."""
    told: list[str] = []
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        told.append("".join(traceback.format_tb(one.__traceback__)) + in_short(one))
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\n\nand then\n\n".join(reversed(told))


def _codes(error: BaseException) -> list[str]:
    """The codes that errors of the driver have, which is not loaded for this."""
    details = getattr(error, "details", None)
    if isinstance(details, dict) and details.get("writeErrors"):
        return sorted({str(failure.get("code")) for failure in details["writeErrors"]})
    code = getattr(error, "code", None)
    return [str(code)] if isinstance(code, int) else []


def _place(error: BaseException) -> str:
    """Where it was raised: the innermost line of ours, for one of a library says little."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(frame.filename)] or list(frames)
    if not ours:
        return ""
    last = ours[-1]
    shown = Path(last.filename).relative_to(_ROOT) if _is_ours(last.filename) else "a library"
    return f" in {last.name} ({shown}:{last.lineno})"


def _is_ours(filename: str) -> bool:
    return Path(filename).is_relative_to(_ROOT) and "site-packages" not in filename
