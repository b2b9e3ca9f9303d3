"""JSON of the journal, a class for each direction. Knows neither HTTP nor MongoDB."""

from typing import Any

import orjson
from marshmallow import ValidationError, fields, validate

from services.customers.model.journal import KINDS, MAX_SUMMARY_LENGTH, STAFF_KINDS
from services.customers.repository.filters import JOURNAL_FILTERS
from shared.values.strict_json import MAX_DIGITS, LongNumber
from shared.values.text import CONTROL
from shared.web.fields import Prose, Time
from shared.web.queries import PageQuerySchema, filter_fields
from shared.web.schemas import Schema

MAX_DATA_BYTES = 4_096
DEEPEST_DATA = 4
MAX_NAMES = 20

_LEAST, _MOST = -(2**63), 2**63 - 1


def _refuse_odd(value: dict[str, Any] | list[Any], path: tuple[str, ...]) -> None:
    """Refuse what is nested too deeply, or what the database does not keep or reads otherwise."""
    for name, one in _named(value, path):
        if isinstance(one, dict | list):
            if len(path) + 1 == DEEPEST_DATA:
                raise _fault(path, f"It may be at most {DEEPEST_DATA} levels deep.")
            _refuse_odd(one, (*path, name))
        elif wrong := _wrong(one):
            raise _fault((*path, name), wrong)


def _named(value: dict[str, Any] | list[Any], path: tuple[str, ...]) -> list[tuple[str, Any]]:
    """What is in an object or a list, with its name or place."""
    if isinstance(value, list):
        return [(str(index), one) for index, one in enumerate(value)]
    if any(_is_odd(name) for name in value):
        raise _fault(path, "Names in it may not begin with $, or have a . or control characters.")
    return list(value.items())


def _fault(path: tuple[str, ...], message: str) -> ValidationError:
    """A fault in the field at this path within the data."""
    fault: Any = [message]
    for name in reversed(path):
        fault = {name: fault}
    return ValidationError(fault)


def _wrong(value: Any) -> str | None:
    if isinstance(value, str) and CONTROL.search(value):
        return "Control characters are not taken."
    # A whole one between 63 and 64 bits is nothing special to orjson, and to the database it is.
    if isinstance(value, LongNumber) or (isinstance(value, int) and not _LEAST <= value <= _MOST):
        return (
            "This number has too many digits: at most 64 bits if it is whole, "
            f"{MAX_DIGITS} digits if not. Send it as text."
        )
    return None


def _is_odd(name: str) -> bool:
    return not name or name.startswith("$") or "." in name or not name.isprintable()


class DataField(fields.Dict):
    """Anything small, as long as it comes out again as it was sent."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        given = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        # First, for what is nested without end cannot be measured.
        _refuse_odd(given, ())
        if len(orjson.dumps(given)) > MAX_DATA_BYTES:
            raise ValidationError(f"It may have at most {MAX_DATA_BYTES} bytes, as JSON.")
        return given


class NewEntrySchema(Schema):
    """Something that staff log. `corrects` is the id of the entry that this one puts right."""

    kind = fields.String(required=True, validate=validate.OneOf(STAFF_KINDS))
    at = Time(metadata={"description": "When it happened; now, unless given."})
    summary = Prose(max_length=MAX_SUMMARY_LENGTH, required=True)
    data = DataField(
        keys=fields.String(),
        validate=validate.Length(max=MAX_NAMES),
        metadata={
            "description": f"Anything small: at most {MAX_DATA_BYTES} bytes as JSON, "
            f"{MAX_NAMES} names, {DEEPEST_DATA} levels."
        },
    )
    corrects = fields.String(allow_none=True)


class EntryQuerySchema(PageQuerySchema):
    """The filters of a journal."""

    class Meta:
        """One field for each filter that the list declares."""

        include = filter_fields(JOURNAL_FILTERS)


class ActorSchema(Schema):
    """The member of staff who did something, and their role then."""

    id = fields.String(required=True)
    role = fields.String(required=True)


class EntrySchema(Schema):
    """Something that happened with a customer. It is never changed."""

    id = fields.String(required=True)
    customer_id = fields.String(required=True)
    at = Time(required=True)
    recorded_at = Time(required=True)
    kind = fields.String(required=True, metadata={"enum": list(KINDS)})
    actor = fields.Nested(ActorSchema, required=True, allow_none=True)
    source = fields.String(
        required=True, metadata={"description": "By which way it came: api, import, website, …"}
    )
    summary = fields.String(required=True)
    data = fields.Dict(required=True)
    corrects = fields.String(required=True, allow_none=True)


class EntryPageSchema(Schema):
    """A page of a journal; `next` is the cursor of the page after, or null."""

    items = fields.List(fields.Nested(EntrySchema), required=True)
    next = fields.String(required=True, allow_none=True)
