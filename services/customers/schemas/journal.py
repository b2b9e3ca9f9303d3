"""JSON of the journal, a class for each direction. Knows neither HTTP nor MongoDB."""

from typing import Any

import orjson
from marshmallow import ValidationError, fields, validate

from services.customers.model.journal import KINDS, MAX_SUMMARY_LENGTH, STAFF_KINDS
from services.customers.repository.filters import JOURNAL_FILTERS
from shared.web.fields import Text, Time
from shared.web.queries import PageQuerySchema, filter_fields
from shared.web.schemas import Schema

MAX_DATA_BYTES = 4_096
DEEPEST_DATA = 4
MAX_NAMES = 20


def _refuse_large(data: dict[str, Any]) -> None:
    # First, for what is nested without end cannot be measured.
    _refuse_deep(data, DEEPEST_DATA)
    if len(orjson.dumps(data)) > MAX_DATA_BYTES:
        raise ValidationError(f"It may have at most {MAX_DATA_BYTES} bytes, as JSON.")


def _refuse_deep(value: Any, levels: int) -> None:
    """Refuse what is nested too deeply, or what the database does not keep or reads otherwise."""
    inner = list(value.values() if isinstance(value, dict) else value)
    if isinstance(value, dict) and any(_is_odd(name) for name in value):
        raise ValidationError(
            "Names in it may not begin with $, or have a . or control characters."
        )
    for one in inner:
        if isinstance(one, dict | list):
            if levels == 1:
                raise ValidationError(f"It may be at most {DEEPEST_DATA} levels deep.")
            _refuse_deep(one, levels - 1)
        elif isinstance(one, int) and one.bit_length() > 63:
            raise ValidationError("A number in it is too large.")


def _is_odd(name: str) -> bool:
    return not name or name.startswith("$") or "." in name or not name.isprintable()


class NewEntrySchema(Schema):
    """Something that staff log. `corrects` is the id of the entry that this one puts right."""

    kind = fields.String(required=True, validate=validate.OneOf(STAFF_KINDS))
    at = Time(metadata={"description": "When it happened; now, unless given."})
    summary = Text(max_length=MAX_SUMMARY_LENGTH, required=True)
    data = fields.Dict(
        keys=fields.String(),
        validate=[validate.Length(max=MAX_NAMES), _refuse_large],
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
