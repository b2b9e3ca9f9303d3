"""Findings of a health check: level, state, and advice."""

from dataclasses import dataclass
from enum import IntEnum

ASKS = "kith doctor"
"""The comment on the doctor's own queries, which tells them from those of the services."""


class Level(IntEnum):
    """The severity of a finding."""

    GOOD = 0
    LOOK = 1
    BAD = 2

    @property
    def words(self) -> str:
        """Its name for people."""
        return ("good", "worth a look", "bad")[self]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The state of one thing; unless it is good, `advice` says what to do."""

    level: Level
    subject: str
    state: str
    advice: str = ""


def good(subject: str, state: str, advice: str = "") -> Finding:
    """A finding that asks for nothing."""
    return Finding(level=Level.GOOD, subject=subject, state=state, advice=advice)


def look(subject: str, state: str, advice: str) -> Finding:
    """A finding that may be as it should, or become worse."""
    return Finding(level=Level.LOOK, subject=subject, state=state, advice=advice)


def bad(subject: str, state: str, advice: str) -> Finding:
    """A finding that has to be mended."""
    return Finding(level=Level.BAD, subject=subject, state=state, advice=advice)


def size(count: float) -> str:
    """A number of bytes, for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1_000:
            return f"{count:.0f} {unit}"
        count /= 1_000
    return f"{count:.1f} TB"


def span(seconds: float) -> str:
    """A length of time, for people."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def many(count: int, noun: str) -> str:
    """A number of things, for people."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
