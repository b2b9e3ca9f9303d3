"""JSON of views and visitors of the shop's website, a class for each direction."""

from marshmallow import fields, validate

from services.customers.model.activity import VISITOR_ID, VISITOR_ID_RULE
from services.customers.model.journal import VIEW_KINDS
from shared.web.bulk import MAX_ENTRIES, entry_field
from shared.web.fields import Prose, Text, Time
from shared.web.schemas import Schema, Several

_VISITOR_ID = validate.Regexp(rf"{VISITOR_ID}\Z", error=VISITOR_ID_RULE)


class ViewSchema(Schema):
    """A page or product that was looked at, by a customer, a visitor, or one who is both.

    A page needs its `url`, a product its `sku`.
    """

    id = Text(
        max_length=100, metadata={"description": "An id of your own; sent again, it counts once."}
    )
    customer_id = Text(max_length=100)
    visitor_id = fields.String(validate=_VISITOR_ID)
    kind = fields.String(required=True, validate=validate.OneOf(list(VIEW_KINDS)))
    url = Text(max_length=2_000, metadata={"description": "An address, or its path."})
    title = Prose(max_length=300)
    sku = Text(max_length=100)
    at = Time(metadata={"description": "When it was looked at; now, unless given."})


class ActivitySchema(Schema):
    """Up to 1,000 views.

    `batch` names the work they belong to; sent again, it gets the same answer.
    """

    batch = Text(max_length=100, required=True)
    entries = Several(
        entry_field("View"),
        required=True,
        validate=validate.Length(min=1, max=MAX_ENTRIES),
    )


class IdentificationSchema(Schema):
    """The customer whom a visitor is."""

    customer_id = Text(max_length=100, required=True)


class VisitorSchema(Schema):
    """A visitor who is known to be a customer, and since when."""

    id = fields.String(required=True)
    customer_id = fields.String(required=True)
    tied_at = Time(required=True)
