"""Collections of copies that customers keeps: a ledger of orders, and members of staff."""

from pymongo import ASCENDING, IndexModel

from services.customers.documents.customers import AMOUNT, CURRENCIES
from shared.document import Document
from shared.mongo import validators
from shared.mongo.collections import Collection

_TOTAL_FITS_KIND: Document = {
    "$cond": [
        {"$eq": ["$kind", "sale"]},
        {"$gte": ["$total", 0]},
        {"$lte": ["$total", 0]},
    ]
}


LEDGER = Collection(
    name="ledger",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": validators.ID,
                "customer_id": validators.ID,
                "kind": {"enum": ["sale", "return"]},
                "status": validators.text(20),
                "total": AMOUNT,
                "currency": {"enum": CURRENCIES},
                "placed_at": validators.DATE,
                "version": validators.VERSION,
            }
        ),
        "$expr": _TOTAL_FITS_KIND,
    },
    indexes=(IndexModel([("customer_id", ASCENDING)], name="customer"),),
)


COPY_SCHEMA_VERSION = 2
"""The form of copies of staff: without their names, which the form before had."""

STAFF = Collection(
    name="staff",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": validators.ID,
                "name": validators.text(200),
                "role": validators.text(20),
                "active": {"bsonType": "bool"},
                "version": validators.VERSION,
                "schema_version": validators.form(COPY_SCHEMA_VERSION - 1, COPY_SCHEMA_VERSION),
            },
            # Workers of the last release still write a name; all that reaches them is "-".
            optional=("name", "schema_version"),
        )
    },
)
