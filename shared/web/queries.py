"""Query strings of lists: the page that is asked for, and the filters that narrow the list.

Knows no list. What a filter is compared with is none of its business.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from shared.mongo.filters import Filter
from shared.mongo.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from shared.web.fields import Sought, Text, Time


class PageQuerySchema(Schema):
    """The place where a page begins, and the number of its items."""

    cursor = fields.String(
        metadata={"description": "The `next` of the page before.", "pattern": "^[A-Za-z0-9_-]+$"}
    )
    limit = fields.Integer(
        load_default=DEFAULT_PAGE_SIZE, validate=validate.Range(1, MAX_PAGE_SIZE)
    )


def filter_fields(filters: Iterable[Filter], **kinds: type[Text]) -> dict[str, fields.Field[Any]]:
    """The fields of a query schema, one for each filter of the list.

    `kinds` has the fields for kinds of text that are not everybody's, such as phone numbers.
    """
    return {one.name: _field(one, kinds) for one in filters}


def _field(one: Filter, kinds: Mapping[str, type[Text]]) -> fields.Field[Any]:
    metadata = {"description": one.description} if one.description else {}
    if one.max_values > 1:
        most = validate.Length(max=one.max_values)
        return fields.List(fields.String(), validate=most, metadata=metadata)
    if one.choices:
        return fields.String(validate=validate.OneOf(one.choices), metadata=metadata)
    if one.kind == "time":
        return Time(metadata=metadata)
    kind = Sought if one.kind == "text" else kinds[one.kind]
    return kind(max_length=one.max_length, metadata=metadata)
