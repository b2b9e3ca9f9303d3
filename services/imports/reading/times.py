"""Reads times as shops write them, as aware UTC."""

import re
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from services.imports.model.lines import Unfit
from services.imports.reading.texts import quoted
from shared import clock

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)

# Forms that can be read in one way only, by what is left of them without digits. 03/04/2011 is
# missing on purpose: whether that is March or April only the shop knows.
_SHAPES = {
    "//": "%Y/%m/%d",
    "// :": "%Y/%m/%d %H:%M",
    "// ::": "%Y/%m/%d %H:%M:%S",
    "..": "%d.%m.%Y",
    ".. :": "%d.%m.%Y %H:%M",
    ".. ::": "%d.%m.%Y %H:%M:%S",
}
_WEEKDAY = re.compile(r"^[A-Za-z]{3,9},\s*(?=[0-9])")
_UTC = re.compile(r"\s*(?:UTC|GMT|Z)$")
_OFFSET = re.compile(r"\s+(?=[+-][0-9]{2}:?[0-9]{2}$)")
_WORDED = re.compile(
    r"(?P<first>[0-9]?).*?(?P<clock> [0-9]+:[0-9]+)?(?P<seconds>:[0-9]+)?"
    r"(?P<half> ?[AaPp][Mm])?(?P<offset>[+-][0-9:]+)?"
)


@lru_cache(maxsize=65_536)
def read(cell: str, *, formats: tuple[str, ...], timezone: str) -> datetime:
    """The time in a cell, in UTC, to the millisecond (which is what the database keeps).

    `formats` are strptime's; with none, ISO 8601 and other unambiguous forms are read. A time
    without an offset is one of `timezone`; one that the clock showed twice is the first of the two.

    :raises Unfit: it is missing, cannot be read, or is out of range.
    """
    text = " ".join(cell.split())
    if not text:
        raise Unfit("The time is missing.")
    at = _by_formats(text, formats) if formats else _unambiguous(text)
    if at is None:
        raise Unfit(f"The time {quoted(cell)} cannot be read{_hint(formats)}.")
    try:
        at = (at if at.tzinfo else at.replace(tzinfo=_zone(timezone))).astimezone(UTC)
    except OverflowError as error:
        raise Unfit(f"The time {quoted(cell)} is out of range.") from error
    if at < EARLIEST:
        raise Unfit(f"The time {quoted(cell)} is before the year 1900.")
    return clock.as_kept(at)


def _by_formats(text: str, formats: tuple[str, ...]) -> datetime | None:
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 (the caller adds the zone)
        except ValueError:
            continue
    return None


def _unambiguous(text: str) -> datetime | None:
    text = _OFFSET.sub("", _UTC.sub("+00:00", _WEEKDAY.sub("", text)))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        text = text.replace(", ", " ")
        shape = re.sub("[0-9]", "", text)
        return _by_formats(text, (_SHAPES[shape],)) if shape in _SHAPES else _worded(text)


def _worded(text: str) -> datetime | None:
    """A time with the month as a word: "1-Dec-2010 08:26", "Dec 1 2010 8:26 am"."""
    text = " ".join(re.sub(r"(?<=[A-Za-z])[-.]|-(?=[A-Za-z])", " ", text).split())
    shape = _WORDED.fullmatch(text)
    if shape is None:
        return None
    form = " %I:%M" if shape["half"] else " %H:%M"
    clock = form * bool(shape["clock"]) + ":%S" * bool(shape["seconds"])
    half = " %p" if (shape["half"] or "").startswith(" ") else "%p" * bool(shape["half"])
    days = ("%d %b %Y", "%d %B %Y") if shape["first"] else ("%b %d %Y", "%B %d %Y")
    offset = "%z" * bool(shape["offset"])
    return _by_formats(text, tuple(f"{day}{clock}{half}{offset}" for day in days))


@cache
def _zone(name: str) -> tzinfo:
    # UTC must work on a machine without a time zone database, too.
    return UTC if name == "UTC" else ZoneInfo(name)


def _hint(formats: tuple[str, ...]) -> str:
    if formats:
        return f" as {' or '.join(formats)}"
    return "; name its form under format.datetime in the mapping"
