"""How customers lie in MongoDB: collections, the rules the database itself holds, indexes."""

import pycountry
from bson import Decimal128
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.customers.model.customers import CHANNELS
from shared import rules
from shared.addresses import ADDRESS_SCHEMA, KEY_SCHEMA, LONGEST_KEY, is_key_of
from shared.database import OUTBOX_SCHEMA, Collection, Document
from shared.idempotency import BARE_REQUEST_SCHEMA, REQUEST_INDEX, REQUEST_SCHEMA

_COUNTRIES = sorted(country.alpha_2 for country in pycountry.countries)
_CURRENCIES = sorted(currency.alpha_3 for currency in pycountry.currencies)

SCHEMA_VERSION = 2
"""The form in which customers are written. Those of one form before are read and taken as well."""

# Between these lie all sums that can come to be, and neither infinity nor what is no number.
_AMOUNT: Document = {
    "bsonType": "decimal",
    "minimum": Decimal128("-1E+33"),
    "maximum": Decimal128("1E+33"),
}


_LABEL = rules.or_null(rules.text(50))
_TOTALS = rules.array(
    rules.fields({"amount": _AMOUNT, "currency": {"enum": _CURRENCIES}}), most=200
)
_PURCHASES = rules.fields(
    {
        "orders": rules.COUNT,
        "returns": rules.COUNT,
        "totals": _TOTALS,
        "first_order_at": {"bsonType": ["date", "null"]},
        "last_order_at": {"bsonType": ["date", "null"]},
    }
)
_ADDRESS = rules.fields(
    {
        "label": _LABEL,
        "line1": rules.or_null(rules.text(200)),
        "line2": rules.or_null(rules.text(200)),
        "city": rules.or_null(rules.text(100)),
        "region": rules.or_null(rules.text(100)),
        "postcode": rules.or_null(rules.text(20)),
        "country": {"enum": [None, *_COUNTRIES]},
    }
)
# Of version 1: documents from before there were versions do not say theirs.
_BEFORE = rules.fields(
    {
        "_id": rules.ID,
        "external_id": rules.or_null(rules.text(100)),
        "first_name": rules.or_null(rules.text(100)),
        "last_name": rules.or_null(rules.text(100)),
        "company": rules.or_null(rules.text(200)),
        "emails": rules.array(rules.fields({"address": ADDRESS_SCHEMA, "label": _LABEL}), most=20),
        "phones": rules.array(
            rules.fields(
                {
                    "number": {"bsonType": "string", "pattern": r"^\+[1-9][0-9]{3,14}\z"},
                    "label": _LABEL,
                }
            ),
            most=20,
        ),
        "addresses": rules.array(_ADDRESS, most=50),
        "tags": rules.array(rules.text(50), most=50) | {"uniqueItems": True},
        "preferences": {
            "bsonType": "object",
            "maxProperties": 50,
            "additionalProperties": {"bsonType": ["string", "bool", "int", "long"]},
        },
        "keys": rules.fields(
            {
                "last_name": rules.or_null(rules.text(LONGEST_KEY)),
                "names": rules.array(rules.text(LONGEST_KEY), most=3),
                "emails": rules.array(KEY_SCHEMA, most=20) | {"uniqueItems": True},
            }
        ),
        "purchases": _PURCHASES,
        "revision": rules.COUNT,
        "created_at": rules.DATE,
        "updated_at": rules.DATE,
        "version": rules.VERSION,
        "schema_version": rules.form(SCHEMA_VERSION - 1),
        "batch": rules.text(100),
        "request": REQUEST_SCHEMA,
        "outbox": OUTBOX_SCHEMA,
    },
    optional=("schema_version", "batch", "request"),
)
_LIVE = rules.fields(
    {
        **_BEFORE["properties"],
        "schema_version": rules.form(SCHEMA_VERSION),
        "channels": rules.fields(
            {name: {"bsonType": "bool"} for name in CHANNELS}, optional=CHANNELS
        ),
        "interests": rules.array(rules.text(50), most=50) | {"uniqueItems": True},
    },
    optional=("batch", "request"),
)
# What stays of a deleted customer: that there was one, so that its id is never given to another,
# its last event can be sent, and the request that registered it does not do so again.
_DELETED = rules.fields(
    {
        "_id": rules.ID,
        "deleted_at": rules.DATE,
        "version": rules.VERSION,
        "schema_version": rules.form(SCHEMA_VERSION - 1, SCHEMA_VERSION),
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
_SIGN_FITS_KIND: Document = {
    "$cond": [
        {"$eq": ["$kind", "sale"]},
        {"$gte": ["$total", 0]},
        {"$lte": ["$total", 0]},
    ]
}

_NEWEST = [("created_at", DESCENDING), ("_id", DESCENDING)]

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
        IndexModel(_NEWEST, name="newest"),
        IndexModel([("keys.last_name", ASCENDING), *_NEWEST], name="last_name"),
        IndexModel([("phones.number", ASCENDING), *_NEWEST], name="phone"),
        IndexModel([("tags", ASCENDING), *_NEWEST], name="tag"),
        IndexModel([("interests", ASCENDING), *_NEWEST], name="interest"),
        IndexModel([("keys.names", ASCENDING), ("_id", ASCENDING)], name="names"),
        REQUEST_INDEX,
    ),
    outbox=True,
)

LEDGER = Collection(
    name="ledger",
    validator={
        "$jsonSchema": rules.fields(
            {
                "_id": rules.ID,
                "customer_id": rules.ID,
                "kind": {"enum": ["sale", "return"]},
                "status": rules.text(20),
                "total": _AMOUNT,
                "currency": {"enum": _CURRENCIES},
                "placed_at": rules.DATE,
                "version": rules.VERSION,
            }
        ),
        "$expr": _SIGN_FITS_KIND,
    },
    indexes=(IndexModel([("customer_id", ASCENDING)], name="customer"),),
)

STAFF = Collection(
    name="staff",
    validator={
        "$jsonSchema": rules.fields(
            {
                "_id": rules.ID,
                "name": rules.text(200),
                "role": rules.text(20),
                "active": {"bsonType": "bool"},
                "version": rules.VERSION,
            }
        )
    },
)
