"""How customers lie in MongoDB: collections, the rules the database itself holds, indexes."""

import pycountry
from bson import Decimal128
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.customers.model.customers import CHANNELS
from shared.addresses import ADDRESS_SCHEMA, KEY_SCHEMA, LONGEST_KEY, is_key_of
from shared.database import OUTBOX_SCHEMA, Collection, Document
from shared.idempotency import REQUEST_INDEX, REQUEST_SCHEMA

_ID: Document = {"bsonType": "string", "pattern": r"^[0-9a-f]{24}\z"}
_DATE: Document = {"bsonType": "date"}
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
# More than blanks.
_SOMETHING = r"\S"


def _text(longest: int) -> Document:
    return {"bsonType": "string", "maxLength": longest, "pattern": _SOMETHING}


def _optional(longest: int) -> Document:
    return {"bsonType": ["string", "null"], "maxLength": longest, "pattern": _SOMETHING}


def _object(properties: Document, *, required: list[str] | None = None) -> Document:
    rule: Document = {
        "bsonType": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    needed = sorted(properties) if required is None else required
    # The server takes no empty list.
    return rule | {"required": needed} if needed else rule


def _form(*versions: int) -> Document:
    return {"bsonType": "int", "enum": list(versions)}


def _list(items: Document, *, most: int) -> Document:
    return {"bsonType": "array", "maxItems": most, "items": items}


_LABEL = _optional(50)
_TOTALS = _list(_object({"amount": _AMOUNT, "currency": {"enum": _CURRENCIES}}), most=200)
_PURCHASES = _object(
    {
        "orders": {"bsonType": "int", "minimum": 0},
        "returns": {"bsonType": "int", "minimum": 0},
        "totals": _TOTALS,
        "first_order_at": {"bsonType": ["date", "null"]},
        "last_order_at": {"bsonType": ["date", "null"]},
    }
)
_ADDRESS = _object(
    {
        "label": _LABEL,
        "line1": _optional(200),
        "line2": _optional(200),
        "city": _optional(100),
        "region": _optional(100),
        "postcode": _optional(20),
        "country": {"enum": [None, *_COUNTRIES]},
    }
)
# Of version 1: documents from before there were versions do not say theirs.
_BEFORE = _object(
    {
        "_id": _ID,
        "external_id": _optional(100),
        "first_name": _optional(100),
        "last_name": _optional(100),
        "company": _optional(200),
        "emails": _list(_object({"address": ADDRESS_SCHEMA, "label": _LABEL}), most=20),
        "phones": _list(
            _object(
                {
                    "number": {"bsonType": "string", "pattern": r"^\+[1-9][0-9]{3,14}\z"},
                    "label": _LABEL,
                }
            ),
            most=20,
        ),
        "addresses": _list(_ADDRESS, most=50),
        "tags": _list(_text(50), most=50) | {"uniqueItems": True},
        "preferences": {
            "bsonType": "object",
            "maxProperties": 50,
            "additionalProperties": {"bsonType": ["string", "bool", "int", "long"]},
        },
        "keys": _object(
            {
                "last_name": _optional(LONGEST_KEY),
                "names": _list(_text(LONGEST_KEY), most=3),
                "emails": _list(KEY_SCHEMA, most=20) | {"uniqueItems": True},
            }
        ),
        "purchases": _PURCHASES,
        "revision": {"bsonType": "int", "minimum": 0},
        "created_at": _DATE,
        "updated_at": _DATE,
        "version": {"bsonType": "int", "minimum": 1},
        "schema_version": _form(SCHEMA_VERSION - 1),
        "batch": _text(100),
        "request": REQUEST_SCHEMA,
        "outbox": OUTBOX_SCHEMA,
    },
    required=[
        "_id",
        "external_id",
        "first_name",
        "last_name",
        "company",
        "emails",
        "phones",
        "addresses",
        "tags",
        "preferences",
        "keys",
        "purchases",
        "revision",
        "created_at",
        "updated_at",
        "version",
        "outbox",
    ],
)
_LIVE = _object(
    {
        **_BEFORE["properties"],
        "schema_version": _form(SCHEMA_VERSION),
        "channels": _object({name: {"bsonType": "bool"} for name in CHANNELS}, required=[]),
        "interests": _list(_text(50), most=50) | {"uniqueItems": True},
    },
    required=[*_BEFORE["required"], "schema_version", "channels", "interests"],
)
# What stays of a deleted customer: that there was one, so that its id is never given to another
# and its last event can be sent.
_DELETED = _object(
    {
        "_id": _ID,
        "deleted_at": _DATE,
        "version": {"bsonType": "int", "minimum": 1},
        "schema_version": _form(SCHEMA_VERSION - 1, SCHEMA_VERSION),
        "outbox": OUTBOX_SCHEMA,
    },
    required=["_id", "deleted_at", "version", "outbox"],
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
        "$jsonSchema": _object(
            {
                "_id": _ID,
                "customer_id": _ID,
                "kind": {"enum": ["sale", "return"]},
                "status": _text(20),
                "total": _AMOUNT,
                "currency": {"enum": _CURRENCIES},
                "placed_at": _DATE,
                "version": {"bsonType": "int", "minimum": 1},
            }
        ),
        "$expr": _SIGN_FITS_KIND,
    },
    indexes=(IndexModel([("customer_id", ASCENDING)], name="customer"),),
)

STAFF = Collection(
    name="staff",
    validator={
        "$jsonSchema": _object(
            {
                "_id": _ID,
                "name": _text(200),
                "role": _text(20),
                "active": {"bsonType": "bool"},
                "version": {"bsonType": "int", "minimum": 1},
            }
        )
    },
)
