"""Collections of import jobs, their files and their rows: validators and indexes."""

from bson import Decimal128
from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.document import Document
from shared.events.outbox import OUTBOX_SCHEMA
from shared.idempotency import REQUEST_INDEX, REQUEST_SCHEMA
from shared.messaging import inbox
from shared.mongo import validators
from shared.mongo.collections import Collection
from shared.mongo.migrations.documents import MIGRATIONS

STATES = ("staging", "customers", "orders", "finished", "failed")

SCHEMA_VERSION = 1
"""The form in which jobs are written. One that does not say its form is of the first."""

# Between these lie all sums that a file can come to, and neither infinity nor what is no number.
_AMOUNT: Document = {
    "bsonType": "decimal",
    "minimum": Decimal128("-1E+33"),
    "maximum": Decimal128("1E+33"),
}


def _text(max_length: int) -> Document:
    return {"bsonType": "string", "maxLength": max_length}


JOBS = Collection(
    name="jobs",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": validators.ID,
                "state": {"enum": list(STATES)},
                "step": {"bsonType": "int", "minimum": 1},
                "preset": validators.or_null(_text(50)),
                "mapping": {"bsonType": "object"},
                "file": validators.fields(
                    {
                        "name": _text(255),
                        "bytes": {"bsonType": ["int", "long"], "minimum": 0},
                        "sha256": _text(64),
                    }
                ),
                "progress": validators.fields(
                    {
                        "rows": validators.COUNT,
                        "rows_of": validators.COUNT,
                        "rejected": validators.COUNT,
                        "customers": validators.COUNT,
                        "customers_of": validators.COUNT,
                        "orders": validators.COUNT,
                        "orders_of": validators.COUNT,
                    }
                ),
                "position": validators.or_null(_text(2_000)),
                "reconciliation": {"bsonType": ["object", "null"]},
                "failure": validators.or_null(_text(1_000)),
                "asked_by": validators.ID,
                "delegation": validators.or_null(_text(300)),
                "lease_until": validators.DATE,
                "created_at": validators.DATE,
                "updated_at": validators.DATE,
                "version": validators.VERSION,
                "schema_version": {"bsonType": "int", "enum": [SCHEMA_VERSION]},
                "revision": validators.COUNT,
                "request": REQUEST_SCHEMA,
                "outbox": OUTBOX_SCHEMA,
            },
            optional=("request", "schema_version"),
        )
    },
    indexes=(
        IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        REQUEST_INDEX,
    ),
    outbox=True,
)

# A row is here from being read until its import is finished; then only rejected ones stay.
ROWS = Collection(
    name="rows",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": _text(40),
                "job": validators.ID,
                "row": {"bsonType": "int", "minimum": 1},
                "rejected": {"bsonType": "bool"},
                "reason": _text(2_000),
                "raw": {"bsonType": "array", "items": {"bsonType": "string"}},
                "line": {"bsonType": "object"},
                "number": _text(300),
                "buyer": validators.or_null(_text(300)),
                "amount": validators.or_null(_AMOUNT),
                "currency": validators.or_null(_text(3)),
            },
            optional=("reason", "line", "number", "buyer"),
        )
    },
    indexes=(
        IndexModel([("job", ASCENDING), ("number", ASCENDING), ("row", ASCENDING)], name="orders"),
        IndexModel([("job", ASCENDING), ("buyer", ASCENDING), ("row", ASCENDING)], name="buyers"),
        # Partial: few rows are rejected, and most of the work of staging is the upkeep of indexes.
        IndexModel(
            [("job", ASCENDING), ("row", ASCENDING)],
            name="rejected",
            partialFilterExpression={"rejected": True},
        ),
    ),
)

# What became of each customer and each order of a job, by the name it has in the file.
OUTCOMES = Collection(
    name="outcomes",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": _text(400),
                "job": validators.ID,
                "kind": {"enum": ["customer", "sale", "return"]},
                "guest": {"bsonType": "bool"},
                "key": _text(300),
                "status": {"enum": ["created", "unchanged", "refused"]},
                "id": validators.or_null(validators.ID),
                "reason": validators.or_null(_text(2_000)),
            }
        )
    },
    indexes=(
        IndexModel([("job", ASCENDING), ("kind", ASCENDING), ("key", ASCENDING)], name="job"),
    ),
)

# GridFS: the file itself, so that any worker on any machine can read it.
FILES = Collection(
    name="uploads.files",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": validators.ID,
                "filename": _text(255),
                "length": {"bsonType": ["int", "long"], "minimum": 0},
                "chunkSize": {"bsonType": "int", "minimum": 1},
                "uploadDate": validators.DATE,
            }
        )
    },
    # We never look a file up by its name; but the driver builds this index with the first file.
    indexes=(
        IndexModel(
            [("filename", ASCENDING), ("uploadDate", ASCENDING)], name="filename_1_uploadDate_1"
        ),
    ),
)
CHUNKS = Collection(
    name="uploads.chunks",
    validator={
        "$jsonSchema": validators.fields(
            {
                "_id": {"bsonType": "objectId"},
                "files_id": validators.ID,
                "n": validators.COUNT,
                "data": {"bsonType": "binData"},
            }
        )
    },
    indexes=(
        IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], name="files_id_1_n_1", unique=True),
    ),
)

COLLECTIONS = (JOBS, ROWS, OUTCOMES, FILES, CHUNKS, *inbox.COLLECTIONS, MIGRATIONS)
