"""Collections of the journal, and of views and visitors of the shop's website."""

from datetime import timedelta

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.customers.model.activity import VISITOR_ID
from services.customers.model.journal import (
    KINDS,
    MAX_DATA_BYTES,
    MAX_SUMMARY_LENGTH,
    STAFF_KINDS,
    VIEW_KINDS,
)
from shared.document import Document
from shared.events.outbox import OUTBOX_SCHEMA
from shared.idempotency import REQUEST_INDEX, REQUEST_SCHEMA
from shared.mongo import validators
from shared.mongo.collections import Collection

VIEWS_KEPT = timedelta(days=90)
"""The time for which the view of an unidentified visitor is kept. Longer would be hoarding."""

# From an event: its kind and whom or what it is about. From staff: an id like any other.
_ENTRY_ID: Document = {
    "bsonType": "string",
    "pattern": r"^([a-z]+:[0-9a-z_:]{1,100}|[0-9a-f]{24})\z",
}
_VIEW_ID: Document = {"bsonType": "string", "pattern": r"^view:[0-9a-f]{32}\z"}
_VISITOR_ID: Document = {"bsonType": "string", "pattern": rf"^{VISITOR_ID}\z"}


_ACTOR = validators.or_null(
    validators.fields({"id": validators.text(100), "role": validators.text(20)})
)

JOURNAL = Collection(
    name="journal",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": _ENTRY_ID,
                "customer_id": validators.ID,
                "at": validators.DATE,
                "recorded_at": validators.DATE,
                "kind": {"enum": list(KINDS)},
                "actor": _ACTOR,
                "source": validators.text(100),
                "summary": validators.text(MAX_SUMMARY_LENGTH),
                "data": {"bsonType": "object", "maxProperties": 20},
                "corrects": {"bsonType": ["string", "null"]},
                "request": REQUEST_SCHEMA,
            },
            optional=("request",),
        ),
        "$expr": {
            "$and": [
                {"$lte": [{"$bsonSize": "$data"}, MAX_DATA_BYTES]},
                # Only what staff said can be put right by staff.
                {"$or": [{"$eq": ["$corrects", None]}, {"$in": ["$kind", list(STAFF_KINDS)]}]},
            ]
        },
    },
    indexes=(
        IndexModel(
            [("customer_id", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="newest"
        ),
        IndexModel(
            [
                ("customer_id", ASCENDING),
                ("kind", ASCENDING),
                ("at", DESCENDING),
                ("_id", DESCENDING),
            ],
            name="kind",
        ),
        REQUEST_INDEX,
    ),
)

VIEWS = Collection(
    name="views",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": _VIEW_ID,
                "visitor_id": _VISITOR_ID,
                "at": validators.DATE,
                "recorded_at": validators.DATE,
                "kind": {"enum": list(VIEW_KINDS)},
                "url": validators.text(2_000),
                "title": validators.text(300),
                "sku": validators.text(100),
                "batch": validators.text(100),
            },
            optional=("url", "title", "sku"),
        )
    },
    indexes=(
        IndexModel([("visitor_id", ASCENDING), ("_id", ASCENDING)], name="visitor"),
        IndexModel(
            [("recorded_at", ASCENDING)],
            name="forget",
            expireAfterSeconds=int(VIEWS_KEPT.total_seconds()),
        ),
    ),
)

VISITORS = Collection(
    name="visitors",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": _VISITOR_ID,
                "customer_id": validators.ID,
                "tied_at": validators.DATE,
                "version": validators.VERSION,
                "outbox": OUTBOX_SCHEMA,
            }
        )
    },
    outbox=True,
)
