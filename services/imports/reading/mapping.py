"""Mapping of one shop's export: its columns, and how its numbers and times are written.

A mapping is data (a preset is a JSON file); this module checks it and knows nothing of any file.
"""

import codecs
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from zoneinfo import available_timezones

import phonenumbers

from services.imports.reading import amounts
from services.imports.reading.sections import Section, anything, not_blank, one_of
from shared.errors import FieldError, Invalid
from shared.values.iso import money_currencies

REQUIRED = ("number", "quantity", "unit_price", "placed_at")
BUYER = ("customer", "first_name", "last_name", "name", "company", "email", "phone")
PLACE = ("line1", "line2", "city", "region", "postcode", "country")
COLUMNS = (*REQUIRED, "sku", "description", "currency", "status", *BUYER, *PLACE)
STATUSES = ("placed", "paid", "shipped", "delivered", "cancelled")

# Codecs to Python, but no shop writes its export in them, and some decode almost anything.
_NO_ENCODINGS = {
    "idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7",
}  # fmt: skip
_SOURCE = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,48}[a-z0-9])?")
_SAMPLE_TIME = datetime(2010, 12, 31, 23, 59, 58, tzinfo=UTC)


class MappingInvalid(Invalid):
    """A mapping breaks its rules; `fields` says where (dotted path) and why."""

    def __init__(self, fields: dict[str, str]) -> None:
        errors = tuple(FieldError(path, message) for path, message in fields.items())
        super().__init__("The mapping breaks a rule.", errors=errors)
        self.fields = fields


@dataclass(frozen=True, kw_only=True)
class Returns:
    """Marks of a row of a return: the start of its number, a word in a column, or its sign.

    `values` are in lower case. `suffix` is added to the number of a return where sales and
    returns share numbers, because an order and its return must not have the same one.
    """

    number_prefix: str | None = None
    column: str | None = None
    values: frozenset[str] = frozenset()
    by_sign: bool = False
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class Format:
    """The format of the file. None means: found out from the file itself.

    `datetime` holds strptime formats, tried in order; empty means ISO 8601 and other forms that
    can be read in one way only. `timezone` is that of times without an offset. An empty `quote`
    means that quotation marks are ordinary signs.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str = '"'
    decimal: str = amounts.UNSTATED
    thousands: str = ""
    datetime: tuple[str, ...] = ()
    timezone: str = "UTC"


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Everything that must be known to read one shop's export.

    `columns` maps our names (see `COLUMNS`) to the file's. `statuses` maps the file's words, in
    lower case, to ours. `currency` and `status` are used where the file does not say.
    """

    source: str
    columns: dict[str, str]
    currency: str | None = None
    status: str = "delivered"
    statuses: dict[str, str] = field(default_factory=dict)
    returns: Returns | None = None
    format: Format = Format()
    phone_region: str | None = None

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read a mapping from its JSON form.

        :raises MappingInvalid: it breaks rules; all of them are named, not only the first.
        """
        top = Section(data, problems={})
        columns = _read_columns(top.section("columns"))
        defaults = top.section("defaults")
        mapping = cls(
            source=top.text("source", _source, required=True) or "",
            columns=columns,
            currency=defaults.text("currency", _currency, required="currency" not in columns),
            status=defaults.text("status", one_of(*STATUSES)) or "delivered",
            statuses=_read_statuses(top.section("statuses")),
            returns=_read_returns(top.section("returns")) if top.has("returns") else None,
            format=_read_format(top.section("format")),
            phone_region=top.text("phone_region", _region),
        )
        defaults.finish()
        top.finish()
        if top.problems:
            raise MappingInvalid(top.problems)
        return mapping


def _read_columns(section: Section) -> dict[str, str]:
    named = {name: section.text(name, not_blank, required=name in REQUIRED) for name in COLUMNS}
    section.finish()
    return {name: title.strip() for name, title in named.items() if title}


def _read_statuses(section: Section) -> dict[str, str]:
    named = {word: section.text(word, one_of(*STATUSES)) for word in section.names()}
    for word in named:
        # No cell reads so, and as a key in MongoDB a NUL cannot be written at all.
        if not word.isprintable():
            section.problem(word, "The word must have no control characters.")
    return {word.strip().casefold(): status for word, status in named.items() if status}


def _read_returns(section: Section) -> Returns:
    ways = [key for key in ("number_prefix", "column", "by") if section.has(key)]
    if len(ways) != 1:
        section.wrong("Give one of number_prefix, column and by.")
    column = section.text("column", not_blank)
    by_sign = section.text("by", one_of("sign")) == "sign"
    values = section.texts("values", not_blank)
    if bool(column) != bool(values):
        section.problem("values", "Name the words of the column that mean a return.")
    suffix = section.text("suffix", anything, empty=True)
    returns = Returns(
        number_prefix=section.text("number_prefix", anything),
        column=column.strip() if column else None,
        values=frozenset(value.strip().casefold() for value in values),
        by_sign=by_sign,
        suffix=("-R" if column or by_sign else "") if suffix is None else suffix,
    )
    section.finish()
    return returns


def _read_format(section: Section) -> Format:
    quote = section.text("quote", one_of('"', ""), empty=True)
    form = Format(
        encoding=section.text("encoding", _encoding),
        delimiter=section.text("delimiter", _delimiter),
        quote='"' if quote is None else quote,
        decimal=section.text("decimal", one_of(".", ",")) or amounts.UNSTATED,
        thousands=section.text("thousands", one_of("", ".", ",", " ", "'"), empty=True) or "",
        datetime=section.texts("datetime", _time_format),
        timezone=section.text("timezone", _timezone) or "UTC",
    )
    if (form.decimal or ".") == form.thousands:
        section.problem("thousands", "It must differ from the decimal sign.")
    section.finish()
    return form


def _source(value: str) -> str | None:
    fits = _SOURCE.fullmatch(value)
    return None if fits else "It must be 1 to 50 of a-z, 0-9, dot, dash and underscore."


def _currency(value: str) -> str | None:
    return None if value in money_currencies() else "It must be an ISO 4217 code, such as EUR."


def _delimiter(value: str) -> str | None:
    fits = len(value) == 1 and not value.isalnum() and value not in "\"'\r\n\0 .-"
    return None if fits else "It must be one sign, such as a comma, semicolon, tab or bar."


def _region(value: str) -> str | None:
    known = value in phonenumbers.SUPPORTED_REGIONS
    return None if known else "It must be a country code, such as GB."


def _timezone(value: str) -> str | None:
    known = value == "UTC" or value in available_timezones()
    return None if known else "It must be an IANA time zone, such as Europe/London."


def _encoding(value: str) -> str | None:
    try:
        "a".encode(value)
        usable = codecs.lookup(value).name.replace("_", "-") not in _NO_ENCODINGS
    except (LookupError, ValueError):
        usable = False
    return None if usable else "It must be a text encoding, such as utf-8 or cp1252."


def _time_format(value: str) -> str | None:
    try:
        # Written and read back, the date must be the same: so a format that leaves the year, the
        # month or the day out is refused here, and not by every row of the file.
        same = datetime.strptime(_SAMPLE_TIME.strftime(value), value).date() == _SAMPLE_TIME.date()  # noqa: DTZ007
    except ValueError:
        same = False
    return None if same else "It must be a strptime format with day, month and year."
