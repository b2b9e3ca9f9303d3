"""The collection of migration records in each service's database: rules and limits."""

from shared.document import Document
from shared.mongo.collections import Collection

MAX_FAILURES = 100
"""Documents that are named in a record. All are counted; the next run finds the others."""

_COUNT: Document = {"bsonType": ["int", "long"], "minimum": 0}

MIGRATIONS = Collection(
    name="migrations",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "additionalProperties": False,
            "required": [
                "_id",
                "checksum",
                "collection",
                "state",
                "holder",
                "lease_until",
                "position",
                "migrated",
                "already_new",
                "failed",
                "count",
                "failures",
                "problem",
                "runs",
                "started_at",
                "updated_at",
                "finished_at",
            ],
            "properties": {
                "_id": {"bsonType": "string", "pattern": "^[0-9]{4}_[a-z0-9_]+$"},
                "checksum": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"},
                "collection": {"bsonType": "string"},
                "state": {"enum": ["running", "applied", "failed"]},
                "holder": {"bsonType": ["string", "null"]},
                "lease_until": {"bsonType": "date"},
                "position": {"bsonType": ["string", "null"]},
                "migrated": _COUNT,
                "already_new": _COUNT,
                "failed": _COUNT,
                "count": _COUNT,
                "failures": {
                    "bsonType": "array",
                    "maxItems": MAX_FAILURES,
                    "items": {
                        "bsonType": "object",
                        "additionalProperties": False,
                        "required": ["id", "reason"],
                        "properties": {
                            "id": {"bsonType": "string"},
                            "reason": {"bsonType": "string"},
                        },
                    },
                },
                "problem": {"bsonType": ["string", "null"]},
                "runs": _COUNT,
                "started_at": {"bsonType": "date"},
                "updated_at": {"bsonType": "date"},
                "finished_at": {"bsonType": ["date", "null"]},
            },
        },
        # What is recorded as applied has left no document behind.
        "$expr": {
            "$or": [
                {"$ne": ["$state", "applied"]},
                {
                    "$and": [
                        {"$eq": ["$failed", 0]},
                        {"$eq": [{"$add": ["$migrated", "$already_new"]}, "$count"]},
                    ]
                },
            ]
        },
    },
)
