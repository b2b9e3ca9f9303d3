"""How the journal, views of the shop's website and its visitors lie in MongoDB."""

from datetime import timedelta

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.customers.model.journal import (
    KINDS,
    LARGEST_DATA,
    LONGEST_SUMMARY,
    STAFF_KINDS,
    VIEW_KINDS,
)
from services.customers.model.visits import VISITOR_ID
from shared import rules
from shared.database import OUTBOX_SCHEMA, Collection, Document
from shared.idempotency import REQUEST_INDEX, REQUEST_SCHEMA

VIEWS_KEPT = timedelta(days=90)
"""How long the view of a visitor who is nobody's is kept. Longer would be hoarding."""

# From an event: its kind and whom or what it is about. From staff: an id like any other.
_ENTRY_ID: Document = {
    "bsonType": "string",
    "pattern": r"^([a-z]+:[0-9a-z_:]{1,100}|[0-9a-f]{24})\z",
}
_VIEW_ID: Document = {"bsonType": "string", "pattern": r"^view:[0-9a-f]{32}\z"}
_VISITOR_ID: Document = {"bsonType": "string", "pattern": rf"^{VISITOR_ID}\z"}


_ACTOR = rules.or_null(rules.fields({"id": rules.text(100), "role": rules.text(20)}))

JOURNAL = Collection(
    name="journal",
    validator={
        "$jsonSchema": rules.fields(
            {
                "_id": _ENTRY_ID,
                "customer_id": rules.ID,
                "at": rules.DATE,
                "recorded_at": rules.DATE,
                "kind": {"enum": list(KINDS)},
                "actor": _ACTOR,
                "source": rules.text(100),
                "summary": rules.text(LONGEST_SUMMARY),
                "data": {"bsonType": "object", "maxProperties": 20},
                "corrects": {"bsonType": ["string", "null"]},
                "request": REQUEST_SCHEMA,
            },
            optional=("request",),
        ),
        "$expr": {
            "$and": [
                {"$lte": [{"$bsonSize": "$data"}, LARGEST_DATA]},
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
        "$jsonSchema": rules.fields(
            {
                "_id": _VIEW_ID,
                "visitor_id": _VISITOR_ID,
                "at": rules.DATE,
                "recorded_at": rules.DATE,
                "kind": {"enum": list(VIEW_KINDS)},
                "url": rules.text(2_000),
                "title": rules.text(300),
                "sku": rules.text(100),
                "batch": rules.text(100),
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
        "$jsonSchema": rules.fields(
            {
                "_id": _VISITOR_ID,
                "customer_id": rules.ID,
                "tied_at": rules.DATE,
                "version": rules.VERSION,
                "outbox": OUTBOX_SCHEMA,
            }
        )
    },
    outbox=True,
)
