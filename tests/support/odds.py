"""A second made-up service to back up, with rare types, names and indexes."""

from datetime import UTC, datetime

from bson import Decimal128, Int64, ObjectId
from pymongo import IndexModel

from shared.document import Document
from shared.mongo.collections import Collection

SERVICES = ["things", "odds"]
ODDS = Collection(
    name="odd.ones",
    validator={"$jsonSchema": {"bsonType": "object", "required": ["_id"]}},
    indexes=(
        IndexModel(
            [("b", -1), ("a", 1)],
            name="partial",
            unique=True,
            partialFilterExpression={"b": {"$gt": ""}},
        ),
        IndexModel([("expires_at", 1)], name="expired", expireAfterSeconds=0),
    ),
)
# One of every type that Kith stores, and some that it does not.
OF_EVERY_TYPE: list[Document] = [
    {"_id": 1, "a": Int64(1), "b": "ä", "amount": Decimal128("1.50")},
    {"_id": ObjectId(), "when": datetime(2025, 6, 1, 12, tzinfo=UTC), "none": None, "yes": True},
    {"_id": "x", "bytes": b"\x00\x01", "list": [1, {"z": 1, "a": 2}], "half": 0.5},
]
