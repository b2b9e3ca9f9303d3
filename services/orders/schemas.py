"""JSON of orders, a class for each direction. Knows neither HTTP nor MongoDB."""

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from services.orders.model import API, KINDS, MAX_LINES, MAX_QUANTITY, STATUSES, Address
from services.orders.repository.filters import FILTERS
from shared.web.bulk import MAX_ENTRIES, entry_field
from shared.web.code_fields import CountryField, CurrencyField
from shared.web.fields import Amount, IdField, Prose, Text, Time
from shared.web.queries import PageQuerySchema, filter_fields
from shared.web.schemas import Schema, Several


class LinesField(Several):
    """Lines, counted before they are read, so that too many cost nothing."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list) and not 1 <= len(value) <= MAX_LINES:
            raise ValidationError(f"An order has 1 to {MAX_LINES:,} lines.")
        return super()._deserialize(value, attr, data, **kwargs)


class AddressSchema(Schema):
    """An address to send an order to."""

    line1 = Text(max_length=200, allow_none=True, load_default=None)
    line2 = Text(max_length=200, allow_none=True, load_default=None)
    city = Text(max_length=100, allow_none=True, load_default=None)
    region = Text(max_length=100, allow_none=True, load_default=None)
    postcode = Text(max_length=20, allow_none=True, load_default=None)
    country = CountryField(allow_none=True, load_default=None)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Address:
        """The model's value."""
        return Address(**data)


class LineSchema(Schema):
    """Some pieces of one article. A `subtotal` that is sent has to be quantity times unit_price."""

    sku = Text(max_length=100, required=True)
    description = Prose(max_length=500, allow_none=True)
    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(-MAX_QUANTITY, MAX_QUANTITY),
        metadata={"description": "Above 0 in a sale, below 0 in a return.", "example": 2},
    )
    unit_price = Amount(required=True, least=Decimal(0), metadata={"example": "2.55"})
    subtotal = Amount(metadata={"example": "5.10"})


class NewOrderSchema(Schema):
    """A sale or a return to record. A `total` that is sent has to be the sum of the subtotals."""

    number = Text(max_length=100, metadata={"description": "The id, unless given."})
    source = Text(
        max_length=50,
        load_default=API,
        metadata={
            "description": "Where the order comes from; a number is unique within one source."
        },
    )
    kind = fields.String(load_default="sale", validate=validate.OneOf(KINDS))
    status = fields.String(load_default="placed", validate=validate.OneOf(STATUSES))
    customer_id = IdField(
        max_length=24, allow_none=True, metadata={"description": "Null for a guest."}
    )
    placed_at = Time(metadata={"description": "Now, unless given; not in the future."})
    currency = CurrencyField(required=True)
    lines = LinesField(
        fields.Nested(LineSchema), required=True, metadata={"minItems": 1, "maxItems": MAX_LINES}
    )
    total = Amount(metadata={"example": "5.10"})
    shipping_address = fields.Nested(AddressSchema, allow_none=True)


class NewOrderEntrySchema(NewOrderSchema):
    """One order of many. It says its number and time, so that it is known when sent again."""

    number = Text(max_length=100, required=True)
    placed_at = Time(required=True, metadata={"description": "Not in the future."})


class BulkOrdersSchema(Schema):
    """Up to 1,000 orders. `batch` names the work they belong to, which may be sent again."""

    batch = Text(max_length=100, required=True)
    entries = Several(
        entry_field("NewOrderEntry"),
        required=True,
        validate=validate.Length(min=1, max=MAX_ENTRIES),
    )


class OrderQuerySchema(PageQuerySchema):
    """The filters of a list of orders."""

    class Meta:
        """One field for each filter that the list declares."""

        include = filter_fields(FILTERS)

    @validates_schema
    def _times_in_order(self, data: dict[str, Any], **_: Any) -> None:
        if (
            "placed_from" in data
            and "placed_to" in data
            and data["placed_from"] >= data["placed_to"]
        ):
            raise ValidationError("It must be later than placed_from.", "placed_to")


class OrderLineSchema(LineSchema):
    """A line of an order."""

    description = Prose(max_length=500, required=True, allow_none=True)
    subtotal = Amount(required=True)


class OrderSchema(Schema):
    """An order or a return."""

    id = fields.String(required=True)
    number = fields.String(required=True)
    source = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    customer_id = fields.String(required=True, allow_none=True)
    placed_at = Time(required=True)
    recorded_at = Time(required=True)
    updated_at = Time(required=True)
    currency = fields.String(required=True)
    lines = fields.List(fields.Nested(OrderLineSchema), required=True)
    total = Amount(required=True)
    shipping_address = fields.Nested(AddressSchema, required=True, allow_none=True)


class OrderPageSchema(Schema):
    """A page of orders; `next` is the cursor of the page after, or null."""

    items = fields.List(fields.Nested(OrderSchema), required=True)
    next = fields.String(required=True, allow_none=True)
