"""Collections of orders: their validators, which the database itself holds, and indexes."""

from bson import Decimal128
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.orders.model import KINDS, MAX_LINES, MAX_QUANTITY, STATUSES
from shared.document import Document
from shared.events.outbox import OUTBOX_SCHEMA
from shared.idempotency import REQUEST_INDEX, REQUEST_SCHEMA
from shared.messaging import inbox
from shared.mongo import validators
from shared.mongo.collections import Collection
from shared.mongo.migrations.documents import MIGRATIONS
from shared.mongo.paging import Keys
from shared.values.iso import countries, currencies

SCHEMA_VERSION = 1
"""The form in which orders are written. One that does not say its form is of the first."""

# As callers may send it. More digits, and the server would round what it multiplies.
_PRICE: Document = {
    "bsonType": "decimal",
    "minimum": 0,
    "maximum": Decimal128("1E+12"),
    "exclusiveMaximum": True,
    "multipleOf": Decimal128("0.000001"),
}
# All sums of such prices are between these; infinity and what is no number are not.
_AMOUNT: Document = {
    "bsonType": "decimal",
    "minimum": Decimal128("-1E+25"),
    "maximum": Decimal128("1E+25"),
}


_LINE = validators.fields(
    {
        "sku": validators.text(100),
        "description": validators.or_null(validators.text(500)),
        "quantity": {"bsonType": "int", "minimum": -MAX_QUANTITY, "maximum": MAX_QUANTITY},
        "unit_price": _PRICE,
        "subtotal": _AMOUNT,
    }
)
_ADDRESS = validators.fields(
    {
        "line1": validators.or_null(validators.text(200)),
        "line2": validators.or_null(validators.text(200)),
        "city": validators.or_null(validators.text(100)),
        "region": validators.or_null(validators.text(100)),
        "postcode": validators.or_null(validators.text(20)),
        "country": {"enum": [None, *sorted(countries())]},
    }
)
_ORDER = validators.fields(
    {
        "_id": validators.ID,
        "number": validators.text(100),
        "source": validators.text(50),
        "kind": {"enum": list(KINDS)},
        "status": {"enum": list(STATUSES)},
        "customer_id": validators.or_null(validators.ID),
        "placed_at": validators.DATE,
        "recorded_at": validators.DATE,
        "updated_at": validators.DATE,
        "currency": {"enum": sorted(currencies())},
        "lines": {"bsonType": "array", "minItems": 1, "maxItems": MAX_LINES, "items": _LINE},
        "total": _AMOUNT,
        "shipping_address": {"oneOf": [{"bsonType": "null"}, _ADDRESS]},
        "version": validators.VERSION,
        "schema_version": {"bsonType": "int", "enum": [SCHEMA_VERSION]},
        "fingerprint": {"bsonType": "string", "pattern": r"^[0-9a-f]{64}\z"},
        "batch": validators.text(100),
        "request": REQUEST_SCHEMA,
        "outbox": OUTBOX_SCHEMA,
    },
    optional=("batch", "request", "schema_version"),
)


def _every_line(rule: Document) -> Document:
    """`rule` holds for each line, which it calls `$$line`."""
    lines = {"$cond": [{"$isArray": "$lines"}, "$lines", []]}
    return {"$expr": {"$allElementsTrue": {"$map": {"input": lines, "as": "line", "in": rule}}}}


_QUANTITY_FITS_KIND = _every_line(
    {
        "$cond": [
            {"$eq": ["$kind", "sale"]},
            {"$gt": ["$$line.quantity", 0]},
            {"$lt": ["$$line.quantity", 0]},
        ]
    }
)
_SUBTOTAL_EXACT = _every_line(
    {"$eq": ["$$line.subtotal", {"$multiply": ["$$line.quantity", "$$line.unit_price"]}]}
)
_TOTAL_EXACT: Document = {"$expr": {"$eq": ["$total", {"$sum": "$lines.subtotal"}]}}
# `$$NOW` is refused in a validator; the server's own clock has set recorded_at.
_NOT_IN_FUTURE: Document = {"$expr": {"$lte": ["$placed_at", "$recorded_at"]}}

_RULES = [_QUANTITY_FITS_KIND, _SUBTOTAL_EXACT, _TOTAL_EXACT, _NOT_IN_FUTURE]
NEWEST: Keys = (("placed_at", DESCENDING), ("_id", DESCENDING))
"""The order of the list, which its indexes end with."""

ORDERS = Collection(
    name="orders",
    validator={"$jsonSchema": _ORDER, "$and": _RULES},
    indexes=(
        # The number comes first, so that an order is found by it without knowing its source.
        IndexModel([("number", ASCENDING), ("source", ASCENDING)], name="number", unique=True),
        IndexModel(list(NEWEST), name="newest"),
        IndexModel([("customer_id", ASCENDING), *NEWEST], name="customer"),
        IndexModel([("lines.sku", ASCENDING), *NEWEST], name="sku"),
        IndexModel([("status", ASCENDING), *NEWEST], name="status"),
        IndexModel([("source", ASCENDING), *NEWEST], name="source"),
        # Two filters that are used together and each match many: by one of them alone, a page of
        # the open orders of an article would read through everything that was ever sold of it.
        IndexModel([("lines.sku", ASCENDING), ("status", ASCENDING), *NEWEST], name="sku_status"),
        IndexModel([("source", ASCENDING), ("status", ASCENDING), *NEWEST], name="source_status"),
        REQUEST_INDEX,
    ),
    outbox=True,
)

COPY_SCHEMA_VERSION = 2
"""The form of copies of customers: without their names, which the form before had."""

CUSTOMER_COPIES = Collection(
    name="customer_cards",
    # The copy of a deleted customer stays, so that no order is placed for them.
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": validators.ID,
                "name": validators.or_null(validators.text(500)),
                "deleted": {"bsonType": "bool"},
                "version": validators.VERSION,
                "schema_version": validators.form(COPY_SCHEMA_VERSION - 1, COPY_SCHEMA_VERSION),
            },
            # Workers of the last release still write a name; all that reaches them is "-".
            optional=("name", "schema_version"),
        )
    },
)

COLLECTIONS = (ORDERS, CUSTOMER_COPIES, *inbox.COLLECTIONS, MIGRATIONS)


def refused_as_future(failure: Document) -> bool:
    """True if a document was refused (`errInfo` of error 121) for its `placed_at` alone."""
    return _broken_rules(failure.get("details", {})) == [_NOT_IN_FUTURE]


def _broken_rules(details: Document) -> list[Document | None]:
    if "clausesNotSatisfied" not in details:
        return [details.get("specifiedAs")]
    return [
        rule
        for clause in details["clausesNotSatisfied"]
        for rule in _broken_rules(clause["details"])
    ]
