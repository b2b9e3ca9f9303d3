"""Checks the JSON of a mapping: its sections, their settings, and what each may be.

Names everything wrong at once, as sentences by dotted path. Knows no file.
"""

from collections.abc import Iterator
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, pre_load, validates_schema

from services.imports.reading import mapping_rules as rules
from services.imports.reading.mapping_rules import Rule
from shared.document import Document
from shared.values.text import CONTROL

REQUIRED = ("number", "quantity", "unit_price", "placed_at")
BUYER = ("customer", "first_name", "last_name", "name", "company", "email", "phone")
PLACE = ("line1", "line2", "city", "region", "postcode", "country")
COLUMNS = (*REQUIRED, "sku", "description", "currency", "status", *BUYER, *PLACE)
STATUSES = ("placed", "paid", "shipped", "delivered", "cancelled")


_MAX_LENGTH = 200
_IS_REQUIRED = "It is required."


def check(data: object) -> tuple[Document, dict[str, str]]:
    """The settings of a mapping, or all that is wrong with them: {path: sentence}."""
    if not isinstance(data, dict):
        return {}, {"mapping": "It must be an object."}
    try:
        return cast(Document, MappingSchema().load(data)), {}
    except ValidationError as error:
        return {}, dict(_flat("", error.messages))


class _Text(fields.Field[str]):
    """Text that keeps a rule. `empty` lets "" pass."""

    def __init__(self, rule: Rule, *, required: bool = False, empty: bool = False) -> None:
        super().__init__(required=required, error_messages={"required": _IS_REQUIRED})
        self._rule = rule
        self._empty = empty

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        return _checked(value, self._rule, empty=self._empty)


class _Texts(fields.Field[tuple[str, ...]]):
    """Texts that keep a rule: a list of them, or one alone."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        return tuple(_checked(each, self._rule, empty=False) for each in values)


class _Statuses(fields.Field[dict[str, str]]):
    """The words of a file for our statuses."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise ValidationError("It must be an object.")
        problems: dict[str, str] = {}
        named: dict[str, str] = {}
        for word, status in value.items():
            try:
                named |= _status(str(word), status)
            except ValidationError as error:
                problems[str(word)] = error.messages[0]
        if problems:
            raise ValidationError(cast(Document, problems))
        return named


class _Section(Schema):
    """An object of settings. null stands for one that is not given; others than ours are refused.

    A misspelt setting must not pass in silence.
    """

    error_messages = {  # noqa: RUF012 (marshmallow declares it so)
        "unknown": "There is no such setting.",
        "type": "It must be an object.",
    }

    @pre_load
    def _without_nulls(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {
            key: value for key, value in data.items() if value is not None or key not in self.fields
        }


def _checked(value: object, rule: Rule, *, empty: bool) -> str:
    if not isinstance(value, str) or not (value or empty) or len(value) > _MAX_LENGTH:
        raise ValidationError(
            f"It must be text of {0 if empty else 1} to {_MAX_LENGTH} characters."
        )
    if CONTROL.search(value):
        raise ValidationError("It must have no control characters.")
    wrong = rule(value)
    if wrong:
        raise ValidationError(wrong)
    return value


def _status(word: str, status: object) -> dict[str, str]:
    # No cell reads so, and as a key in MongoDB a NUL cannot be written at all.
    if not word.isprintable():
        raise ValidationError("The word must have no control characters.")
    if status is None:
        return {}
    return {word: _checked(status, rules.one_of(*STATUSES), empty=False)}


def _flat(path: str, messages: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(messages, dict):
        yield path or "mapping", messages[0] if isinstance(messages, list) else messages
        return
    for key, inner in messages.items():
        # What is wrong with an object as a whole.
        below = path if key == "_schema" else f"{path}.{key}" if path else str(key)
        yield from _flat(below, inner)


class _Defaults(_Section):
    currency = _Text(rules.currency)
    status = _Text(rules.one_of(*STATUSES))


class _Returns(_Section):
    number_prefix = _Text(rules.anything)
    column = _Text(rules.not_blank)
    by = _Text(rules.one_of("sign"))
    values = _Texts(rules.not_blank)
    suffix = _Text(rules.anything, empty=True)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _is_one_way(self, _data: Document, given: Any, **_: Any) -> None:
        ways = [way for way in ("number_prefix", "column", "by") if _states(given, way)]
        if len(ways) != 1:
            raise ValidationError("Give one of number_prefix, column and by.")

    @validates_schema(skip_on_field_errors=False)
    def _has_words_for_its_column(self, data: Document, **_: Any) -> None:
        if bool(data.get("column")) != bool(data.get("values")):
            raise ValidationError(
                "Name the words of the column that mean a return.", field_name="values"
            )


class _Format(_Section):
    encoding = _Text(rules.encoding)
    delimiter = _Text(rules.delimiter)
    quote = _Text(rules.one_of('"', ""), empty=True)
    decimal = _Text(rules.one_of(".", ","))
    thousands = _Text(rules.one_of("", ".", ",", " ", "'"), empty=True)
    datetime = _Texts(rules.time_format)
    timezone = _Text(rules.timezone)

    @validates_schema(skip_on_field_errors=False)
    def _tells_decimals_from_thousands(self, data: Document, **_: Any) -> None:
        if data.get("decimal", ".") == data.get("thousands"):
            raise ValidationError("It must differ from the decimal sign.", field_name="thousands")


_Columns = _Section.from_dict(
    {name: _Text(rules.not_blank, required=name in REQUIRED) for name in COLUMNS}, name="Columns"
)


class MappingSchema(_Section):
    """A mapping as a person writes it."""

    source = _Text(rules.source, required=True)
    columns = fields.Nested(_Columns, required=True, error_messages={"required": _IS_REQUIRED})
    defaults = fields.Nested(_Defaults)
    statuses = _Statuses()
    returns = fields.Nested(_Returns)
    format = fields.Nested(_Format)
    phone_region = _Text(rules.region)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _states_a_currency(self, data: Document, given: Any, **_: Any) -> None:
        stated = _states(given.get("defaults"), "currency")
        if not stated and "currency" not in data.get("columns", {}):
            raise ValidationError({"defaults": {"currency": [_IS_REQUIRED]}})


def _states(section: object, key: str) -> bool:
    return isinstance(section, dict) and section.get(key) is not None
