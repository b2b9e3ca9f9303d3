"""JSON of imports, a class for each direction. Knows neither HTTP nor MongoDB."""

from marshmallow import Schema, fields, validate

from services.imports.documents import STATES
from services.imports.repository.filters import FILTERS
from shared.web.fields import Time
from shared.web.queries import PageQuerySchema, filter_fields


class NewImportSchema(Schema):
    """The form fields beside the file: a preset's name, or a mapping as JSON text."""

    preset = fields.String(validate=validate.Length(max=50), metadata={"example": "online-retail"})
    mapping = fields.String(
        validate=validate.Length(max=20_000),
        metadata={
            "description": "Which column is which, as JSON; GET /v1/imports/presets shows the form."
        },
    )


class NewImportFormSchema(NewImportSchema):
    """The file of an import, CSV, also gzipped, and beside it either a preset or a mapping."""

    file = fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class ImportQuerySchema(PageQuerySchema):
    """The filters of a list of imports."""

    class Meta:
        """One field for each filter that the list declares."""

        include = filter_fields(FILTERS)


class FileSchema(Schema):
    """The file that was sent."""

    name = fields.String(required=True)
    bytes = fields.Integer(required=True)
    sha256 = fields.String(required=True)


class ProgressSchema(Schema):
    """The progress of the import. `…_of` is 0 until known; that of rows is estimated at first."""

    rows = fields.Integer(required=True)
    rows_of = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    customers = fields.Integer(required=True)
    customers_of = fields.Integer(required=True)
    orders = fields.Integer(required=True)
    orders_of = fields.Integer(required=True)


class CountSchema(Schema):
    """Numbers of orders and customers."""

    orders = fields.Integer(required=True)
    customers = fields.Integer(required=True)


class TotalSchema(Schema):
    """Sums of quantity x unit price in one currency; `file` is accepted and rejected together."""

    currency = fields.String(required=True)
    accepted = fields.String(required=True)
    rejected = fields.String(required=True)
    file = fields.String(required=True)


class ReconciliationSchema(Schema):
    """The account of a finished import.

    `notes` counts details that were left out, such as unreadable phones.
    """

    rows = fields.Integer(required=True)
    accepted = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    notes = fields.Integer(required=True)
    orders = fields.Integer(required=True)
    returns = fields.Integer(required=True)
    guest_orders = fields.Integer(required=True)
    customers = fields.Integer(required=True)
    created = fields.Nested(CountSchema, required=True)
    unchanged = fields.Nested(CountSchema, required=True)
    totals = fields.List(fields.Nested(TotalSchema), required=True)


class ImportSchema(Schema):
    """An import job."""

    id = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    preset = fields.String(required=True, allow_none=True)
    mapping = fields.Dict(required=True)
    file = fields.Nested(FileSchema, required=True)
    progress = fields.Nested(ProgressSchema, required=True)
    reconciliation = fields.Nested(ReconciliationSchema, required=True, allow_none=True)
    failure = fields.String(required=True, allow_none=True)
    asked_by = fields.String(required=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)


class ImportPageSchema(Schema):
    """A page of imports; `next` is the cursor of the page after, or null."""

    items = fields.List(fields.Nested(ImportSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class PresetsSchema(Schema):
    """Mappings that come with Kith, by name."""

    presets = fields.Dict(required=True)
