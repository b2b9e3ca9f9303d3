"""Rules of the single settings of a mapping: each gives a sentence on what is wrong, or None."""

import codecs
import re
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import available_timezones

import phonenumbers

from shared.values.iso import money_currencies

Rule = Callable[[str], str | None]

# Codecs to Python, but no shop writes its export in them, and some decode almost anything.
_NO_ENCODINGS = {
    "idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7",
}  # fmt: skip
_SOURCE = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,48}[a-z0-9])?")
_SAMPLE_TIME = datetime(2010, 12, 31, 23, 59, 58, tzinfo=UTC)


def anything(_: str) -> str | None:
    """The rule of a text that may be any."""
    return None


def not_blank(value: str) -> str | None:
    """The rule of a text that must be more than spaces."""
    return None if value.strip() else "It must not be blank."


def one_of(*allowed: str) -> Rule:
    """The rule of a text that must be one of `allowed`."""
    listed = ", ".join(f'"{value}"' for value in allowed)
    return lambda value: None if value in allowed else f"It must be one of {listed}."


def source(value: str) -> str | None:
    """The rule of the name of a source."""
    fits = _SOURCE.fullmatch(value)
    return None if fits else "It must be 1 to 50 of a-z, 0-9, dot, dash and underscore."


def currency(value: str) -> str | None:
    """The rule of a currency."""
    return None if value in money_currencies() else "It must be an ISO 4217 code, such as EUR."


def delimiter(value: str) -> str | None:
    """The rule of a delimiter."""
    fits = len(value) == 1 and not value.isalnum() and value not in "\"'\r\n\0 .-"
    return None if fits else "It must be one character, such as a comma, semicolon, tab or bar."


def region(value: str) -> str | None:
    """The rule of the region of phone numbers."""
    known = value in phonenumbers.SUPPORTED_REGIONS
    return None if known else "It must be a country code, such as GB."


def timezone(value: str) -> str | None:
    """The rule of a time zone."""
    known = value == "UTC" or value in available_timezones()
    return None if known else "It must be an IANA time zone, such as Europe/London."


def encoding(value: str) -> str | None:
    """The rule of an encoding."""
    try:
        "a".encode(value)
        usable = codecs.lookup(value).name.replace("_", "-") not in _NO_ENCODINGS
    except (LookupError, ValueError):
        usable = False
    return None if usable else "It must be a text encoding, such as utf-8 or cp1252."


def time_format(value: str) -> str | None:
    """The rule of a form of times."""
    try:
        # Written and read back, the date must be the same: so a format that leaves the year, the
        # month or the day out is refused here, and not by every row of the file.
        same = datetime.strptime(_SAMPLE_TIME.strftime(value), value).date() == _SAMPLE_TIME.date()  # noqa: DTZ007
    except ValueError:
        same = False
    return None if same else "It must be a strptime format with day, month and year."
