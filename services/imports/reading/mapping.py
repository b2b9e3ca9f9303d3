"""Describes how to read one shop's export: its columns, and how numbers and times are written.

A mapping is data (a preset is a JSON file). Knows no file.
"""

from dataclasses import dataclass, field
from typing import Self

from services.imports.reading import amounts, mapping_schema
from shared.errors import FieldError, Invalid


class MappingInvalid(Invalid):
    """A mapping breaks its rules; `fields` says where (dotted path) and why."""

    def __init__(self, fields: dict[str, str]) -> None:
        errors = tuple(FieldError(path, message) for path, message in fields.items())
        super().__init__("The mapping breaks a rule.", errors=errors)
        self.fields = fields


@dataclass(frozen=True, kw_only=True)
class Returns:
    """The mark of a return's row: the start of its number, a word in a column, or its sign.

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
    """The way the file is written. None means: found out from the file itself.

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

    `columns` maps our names (`mapping_schema.COLUMNS`) to the file's. `statuses` maps the file's
    words, in lower case, to ours. `currency` and `status` are used where the file does not say.
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
        given, problems = mapping_schema.check(data)
        if problems:
            raise MappingInvalid(problems)
        defaults = given.get("defaults", {})
        return cls(
            source=given["source"],
            columns={name: title.strip() for name, title in given["columns"].items()},
            currency=defaults.get("currency"),
            status=defaults.get("status", "delivered"),
            statuses={
                word.strip().casefold(): status
                for word, status in given.get("statuses", {}).items()
            },
            returns=_returns(**given["returns"]) if "returns" in given else None,
            format=Format(**given.get("format", {})),
            phone_region=given.get("phone_region"),
        )


def _returns(
    *,
    number_prefix: str | None = None,
    column: str | None = None,
    by: str | None = None,
    values: tuple[str, ...] = (),
    suffix: str | None = None,
) -> Returns:
    shares_numbers = "-R" if column or by else ""
    return Returns(
        number_prefix=number_prefix,
        column=column.strip() if column else None,
        values=frozenset(value.strip().casefold() for value in values),
        by_sign=by is not None,
        suffix=shares_numbers if suffix is None else suffix,
    )
