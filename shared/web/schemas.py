"""Schemas and lists of what callers send, which stop looking when enough is wrong.

Every fault that is found costs more than the few bytes that make it. So names that nobody knows
are cut to a few, lists and dictionaries are counted before they are read, and a list is given up
after a few of its items.
"""

from collections.abc import Mapping
from typing import Any

import marshmallow
from marshmallow import ValidationError, fields, pre_load, validate

MAX_ERRORS = 20
"""How many faults of one document are looked for and named."""


class More(str):
    """Stands for names that were left out: how many."""

    names: int


class Schema(marshmallow.Schema):
    """marshmallow's, which looks at a few unknown names only."""

    @pre_load
    def cut(self, data: Any, **_: Any) -> Any:
        """What was sent, with no more unknown names than are worth naming."""
        if isinstance(data, dict) and len(data) > len(self.load_fields) + MAX_ERRORS:
            return _cut(data, {field.data_key or name for name, field in self.load_fields.items()})
        return data


class Several(fields.List[Any]):
    """A list, counted before it is read, and given up after a few wrong items."""

    def _deserialize(self, value: Any, *_: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise self.make_error("invalid")
        _count(self, value)
        read, errors = [], {}
        for index, item in enumerate(value):
            try:
                read.append(self.inner.deserialize(item, **kwargs))
            except ValidationError as error:
                errors[index] = error.messages
                if len(errors) == MAX_ERRORS:
                    break
        if errors:
            raise ValidationError(errors, valid_data=read)
        return read


class Pairs(fields.Dict):
    """A dictionary, counted before it is read."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, Mapping):
            _count(self, value)
        return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]


def _count(field: fields.Field[Any], value: Any) -> None:
    for rule in field.validators:
        if isinstance(rule, validate.Length):
            rule(value)


def _cut(data: dict[str, Any], known: set[str]) -> dict[str, Any]:
    unknown = [name for name in data if name not in known]
    if len(unknown) <= MAX_ERRORS:
        return data
    kept = {name: value for name, value in data.items() if name in known}
    kept |= dict.fromkeys(unknown[:MAX_ERRORS])
    more = More("\0more")
    more.names = len(unknown) - MAX_ERRORS
    return kept | {more: None}
