"""JSON of customers, a class for each direction. Knows neither HTTP nor MongoDB."""

from typing import Any

from flask import current_app
from marshmallow import ValidationError, fields, post_load, validate

from services.customers.model.customers import Address, Email, Phone
from services.customers.repository.filters import FILTERS
from shared.values.phone import phone_number
from shared.web.bulk import MAX_ENTRIES, entry_field
from shared.web.code_fields import CountryField
from shared.web.email_field import EmailField
from shared.web.fields import Prose, Text, Time, YesNo
from shared.web.queries import PageQuerySchema, filter_fields
from shared.web.schemas import Pairs, Schema, Several

_PREFERENCE_KEY = validate.Regexp(
    r"^[a-z][a-z0-9_]{0,49}\Z", error="Use a-z, 0-9 and _, at most 50 characters."
)
_BIGGEST_INTEGER = 2**53 - 1


class PhoneField(Text):
    """A phone number, turned into E.164 form.

    Without a country code, the shop's own country is meant. Nothing of what is sent stays but its
    digits, so it may be pasted from where marks of direction stand around it.
    """

    unseen = None

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return phone_number(text, region=current_app.config.get("DEFAULT_PHONE_REGION") or None)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class PreferenceField(fields.Field[str | bool | int]):
    """One preference: a text, a number or a yes or no."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> str | bool | int:
        if isinstance(value, str):
            return Prose(max_length=500).deserialize(value)
        if isinstance(value, bool) or (isinstance(value, int) and abs(value) <= _BIGGEST_INTEGER):
            return value
        raise ValidationError("A preference is a text, a whole number, true or false.")


class ChannelsSchema(Schema):
    """The ways by which the customer agrees to be contacted; nobody asked about one left out."""

    email = YesNo()
    phone = YesNo()
    sms = YesNo()
    post = YesNo()


def _label() -> Text:
    return Text(max_length=50, allow_none=True, load_default=None)


class EmailSchema(Schema):
    """An e-mail address of a customer."""

    address = EmailField(max_length=254, required=True)
    label = _label()

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Email:
        """The model's value."""
        return Email(**data)


class PhoneSchema(Schema):
    """A phone number of a customer."""

    number = PhoneField(max_length=50, required=True, metadata={"example": "+442079460958"})
    label = _label()

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Phone:
        """The model's value."""
        return Phone(**data)


class AddressSchema(Schema):
    """A postal address of a customer."""

    label = _label()
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


def _many(schema: type[Schema], most: int) -> Several:
    return Several(fields.Nested(schema), validate=validate.Length(max=most))


class CustomerFieldsSchema(Schema):
    """The fields of a customer that callers may send. None is needed by itself."""

    external_id = Text(max_length=100, allow_none=True)
    first_name = Text(max_length=100, allow_none=True)
    last_name = Text(max_length=100, allow_none=True)
    company = Text(max_length=200, allow_none=True)
    emails = _many(EmailSchema, 20)
    phones = _many(PhoneSchema, 20)
    addresses = _many(AddressSchema, 50)
    tags = Several(Text(max_length=50), validate=validate.Length(max=50))
    preferences = Pairs(
        keys=fields.String(validate=_PREFERENCE_KEY),
        values=PreferenceField(),
        validate=validate.Length(max=50),
    )
    channels = fields.Nested(ChannelsSchema)
    interests = Several(Text(max_length=50), validate=validate.Length(max=50))

    @post_load
    def freeze(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Lists as tuples, as the model has them."""
        return {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }


class NewCustomerSchema(CustomerFieldsSchema):
    """A customer to register.

    At least one of last_name, company, an e-mail, a phone or external_id.
    """


class CustomerChangesSchema(CustomerFieldsSchema):
    """Changes to a customer.

    Fields that are not sent stay; a list that is sent replaces the old one, and so do preferences
    and channels.
    """


class BulkCustomersSchema(Schema):
    """Up to 1,000 customers.

    `batch` names the work they belong to; sent again, it gets the same answer.
    """

    batch = Text(max_length=100, required=True)
    entries = Several(
        entry_field("NewCustomer"),
        required=True,
        validate=validate.Length(min=1, max=MAX_ENTRIES),
    )


class CustomerQuerySchema(PageQuerySchema):
    """The filters of a list of customers."""

    class Meta:
        """One field for each filter that the list declares."""

        include = filter_fields(FILTERS, phone=PhoneField)


class TotalSchema(Schema):
    """An amount that stands alone."""

    amount = fields.String(required=True, metadata={"format": "decimal"})
    currency = fields.String(required=True)


class PurchasesSchema(Schema):
    """Purchases of a customer: numbers of sales and returns, net totals, first and last sale."""

    orders = fields.Integer(required=True)
    returns = fields.Integer(required=True)
    totals = fields.List(fields.Nested(TotalSchema), required=True)
    first_order_at = Time(required=True, allow_none=True)
    last_order_at = Time(required=True, allow_none=True)


class CustomerSchema(CustomerFieldsSchema):
    """A customer."""

    id = fields.String(required=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)
    purchases = fields.Nested(PurchasesSchema, required=True)


class CustomerPageSchema(Schema):
    """A page of customers; `next` is the cursor of the page after, or null."""

    items = fields.List(fields.Nested(CustomerSchema), required=True)
    next = fields.String(required=True, allow_none=True)
