"""Collection of customers: its validator, which the database itself holds, and indexes."""

from bson import Decimal128
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.customers.model.customers import CHANNELS
from shared.document import Document
from shared.events.outbox import OUTBOX_SCHEMA
from shared.idempotency import BARE_REQUEST_SCHEMA, REQUEST_INDEX, REQUEST_SCHEMA
from shared.mongo import validators
from shared.mongo.collections import Collection
from shared.mongo.paging import Keys
from shared.values.email import ADDRESS_SCHEMA, KEY_SCHEMA, MAX_KEY_LENGTH, is_key_of
from shared.values.iso import countries, currencies

_COUNTRIES = sorted(countries())
CURRENCIES = sorted(currencies())

SCHEMA_VERSION = 2
"""The form in which customers are written. Those of one form before are read and taken as well."""

# All sums that can come to be are between these; infinity and what is no number are not.
AMOUNT: Document = {
    "bsonType": "decimal",
    "minimum": Decimal128("-1E+33"),
    "maximum": Decimal128("1E+33"),
}


_LABEL = validators.or_null(validators.text(50))
_TOTALS = validators.array(
    validators.fields({"amount": AMOUNT, "currency": {"enum": CURRENCIES}}), max_items=200
)
_PURCHASES = validators.fields(
    {
        "orders": validators.COUNT,
        "returns": validators.COUNT,
        "totals": _TOTALS,
        "first_order_at": {"bsonType": ["date", "null"]},
        "last_order_at": {"bsonType": ["date", "null"]},
    }
)
_ADDRESS = validators.fields(
    {
        "label": _LABEL,
        "line1": validators.or_null(validators.text(200)),
        "line2": validators.or_null(validators.text(200)),
        "city": validators.or_null(validators.text(100)),
        "region": validators.or_null(validators.text(100)),
        "postcode": validators.or_null(validators.text(20)),
        "country": {"enum": [None, *_COUNTRIES]},
    }
)
# Of version 1: documents from before there were versions do not say theirs.
_BEFORE = validators.fields(
    {
        "_id": validators.ID,
        "external_id": validators.or_null(validators.text(100)),
        "first_name": validators.or_null(validators.text(100)),
        "last_name": validators.or_null(validators.text(100)),
        "company": validators.or_null(validators.text(200)),
        "emails": validators.array(
            validators.fields({"address": ADDRESS_SCHEMA, "label": _LABEL}), max_items=20
        ),
        "phones": validators.array(
            validators.fields(
                {
                    "number": {"bsonType": "string", "pattern": r"^\+[1-9][0-9]{3,14}\z"},
                    "label": _LABEL,
                }
            ),
            max_items=20,
        ),
        "addresses": validators.array(_ADDRESS, max_items=50),
        "tags": validators.array(validators.text(50), max_items=50) | {"uniqueItems": True},
        "preferences": {
            "bsonType": "object",
            "maxProperties": 50,
            "additionalProperties": {"bsonType": ["string", "bool", "int", "long"]},
        },
        "keys": validators.fields(
            {
                "last_name": validators.or_null(validators.text(MAX_KEY_LENGTH)),
                "names": validators.array(validators.text(MAX_KEY_LENGTH), max_items=3),
                "emails": validators.array(KEY_SCHEMA, max_items=20) | {"uniqueItems": True},
            }
        ),
        "purchases": _PURCHASES,
        "revision": validators.COUNT,
        "created_at": validators.DATE,
        "updated_at": validators.DATE,
        "version": validators.VERSION,
        "schema_version": validators.form(SCHEMA_VERSION - 1),
        "batch": validators.text(100),
        "request": REQUEST_SCHEMA,
        "outbox": OUTBOX_SCHEMA,
    },
    optional=("schema_version", "batch", "request"),
)
_LIVE = validators.fields(
    {
        **_BEFORE["properties"],
        "schema_version": validators.form(SCHEMA_VERSION),
        "channels": validators.fields(
            {name: {"bsonType": "bool"} for name in CHANNELS}, optional=CHANNELS
        ),
        "interests": validators.array(validators.text(50), max_items=50) | {"uniqueItems": True},
    },
    optional=("batch", "request"),
)
# What stays of a deleted customer: that there was one, so that its id is never given to another,
# its last event can be sent, and the request that registered it does not do so again.
_DELETED = validators.fields(
    {
        "_id": validators.ID,
        "deleted_at": validators.DATE,
        "version": validators.VERSION,
        "schema_version": validators.form(SCHEMA_VERSION - 1, SCHEMA_VERSION),
        "request": BARE_REQUEST_SCHEMA,
        "outbox": OUTBOX_SCHEMA,
    },
    optional=("schema_version", "request"),
)

_IDENTIFIABLE: Document = {
    "$or": [
        {"$ne": [{"$ifNull": ["$deleted_at", None]}, None]},
        {"$ne": ["$last_name", None]},
        {"$ne": ["$company", None]},
        {"$ne": ["$external_id", None]},
        {"$gt": [{"$size": {"$ifNull": ["$emails", []]}}, 0]},
        {"$gt": [{"$size": {"$ifNull": ["$phones", []]}}, 0]},
    ]
}
# The unique index compares keys; a document whose keys do not stand for its addresses would slip
# past it.
_KEYS_COMPLETE: Document = {
    "$eq": [{"$size": {"$ifNull": ["$keys.emails", []]}}, {"$size": {"$ifNull": ["$emails", []]}}]
}
_KEYS_TRUE: Document = {
    "$allElementsTrue": {
        "$map": {
            "input": {
                "$zip": {
                    "inputs": [
                        {"$cond": [{"$isArray": one}, one, []]}
                        for one in ("$keys.emails", "$emails.address")
                    ]
                }
            },
            "as": "pair",
            "in": is_key_of({"$first": "$$pair"}, {"$last": "$$pair"}),
        }
    }
}

NEWEST: Keys = (("created_at", DESCENDING), ("_id", DESCENDING))
"""The order of the list, which its indexes end with."""

CUSTOMERS = Collection(
    name="customers",
    validator={
        "$jsonSchema": {"oneOf": [_LIVE, _BEFORE, _DELETED]},
        "$expr": {"$and": [_IDENTIFIABLE, _KEYS_COMPLETE, _KEYS_TRUE]},
    },
    indexes=(
        # Partial with `> ""`: customers without an address or external id are not compared, and a
        # search for one still uses the index.
        IndexModel(
            [("keys.emails", ASCENDING)],
            name="email",
            unique=True,
            partialFilterExpression={"keys.emails": {"$gt": ""}},
        ),
        IndexModel(
            [("external_id", ASCENDING)],
            name="external_id",
            unique=True,
            partialFilterExpression={"external_id": {"$gt": ""}},
        ),
        IndexModel(list(NEWEST), name="newest"),
        IndexModel([("keys.last_name", ASCENDING), *NEWEST], name="last_name"),
        IndexModel([("phones.number", ASCENDING), *NEWEST], name="phone"),
        IndexModel([("tags", ASCENDING), *NEWEST], name="tag"),
        IndexModel([("interests", ASCENDING), *NEWEST], name="interest"),
        IndexModel([("keys.names", ASCENDING), ("_id", ASCENDING)], name="names"),
        REQUEST_INDEX,
    ),
    outbox=True,
)
