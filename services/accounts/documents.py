"""How users, sessions and signing keys lie in MongoDB: collections, rules, indexes."""

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared import inbox, rules
from shared.addresses import ADDRESS_SCHEMA, KEY_SCHEMA, is_key_of
from shared.auth.callers import ROLES
from shared.database import OUTBOX_SCHEMA, Collection
from shared.idempotency import REQUEST_INDEX, REQUEST_SCHEMA
from shared.migrations.documents import MIGRATIONS

SCHEMA_VERSION = 1
"""The form in which users are written. One that does not say its form is of the first."""


USERS = Collection(
    name="users",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "additionalProperties": False,
            "required": [
                "_id",
                "email",
                "email_key",
                "name",
                "role",
                "active",
                "password_hash",
                "failures",
                "tokens_void_before",
                "sessions_void_before",
                "created_at",
                "updated_at",
                "version",
                "outbox",
            ],
            "properties": {
                "_id": rules.ID,
                "email": ADDRESS_SCHEMA,
                "email_key": KEY_SCHEMA,
                "name": rules.text(200),
                "role": {"enum": list(ROLES)},
                "active": {"bsonType": "bool"},
                # Never a password: only argon2id's own encoding passes.
                "password_hash": {
                    "bsonType": "string",
                    "pattern": r"^\$argon2id\$",
                    "maxLength": 300,
                },
                "failures": rules.COUNT,
                "next_try_at": rules.DATE,
                "tokens_void_before": rules.DATE,
                "sessions_void_before": rules.DATE,
                "created_at": rules.DATE,
                "updated_at": rules.DATE,
                "version": rules.VERSION,
                "schema_version": {"bsonType": "int", "enum": [SCHEMA_VERSION]},
                "request": REQUEST_SCHEMA,
                "outbox": OUTBOX_SCHEMA,
            },
        },
        # The unique index compares keys, so each has to stand for its address.
        "$expr": is_key_of("$email_key", "$email"),
    },
    indexes=(
        IndexModel([("email_key", ASCENDING)], name="email", unique=True),
        IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("tokens_void_before", ASCENDING)], name="revoked"),
        REQUEST_INDEX,
    ),
    outbox=True,
)

SESSIONS = Collection(
    name="sessions",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "additionalProperties": False,
            "required": ["_id", "user_id", "via", "tokens", "created_at", "expires_at"],
            "properties": {
                "_id": rules.ID,
                "user_id": rules.ID,
                "via": {"bsonType": ["string", "null"]},
                "tokens": {
                    "bsonType": "array",
                    "minItems": 1,
                    "maxItems": 20,
                    "items": {
                        "bsonType": "object",
                        "additionalProperties": False,
                        "required": ["hash", "replaced_at"],
                        "properties": {
                            "hash": rules.HASH,
                            "replaced_at": {"bsonType": ["date", "null"]},
                        },
                    },
                },
                "created_at": rules.DATE,
                "expires_at": rules.DATE,
            },
        }
    },
    indexes=(
        IndexModel([("expires_at", ASCENDING)], name="expired", expireAfterSeconds=0),
        IndexModel([("user_id", ASCENDING)], name="user"),
    ),
)

SIGNING_KEYS = Collection(
    name="signing_keys",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "additionalProperties": False,
            "required": ["_id", "state", "private_key", "public_key", "created_at"],
            "properties": {
                "_id": rules.text(64),
                "state": {"enum": ["signing", "retired"]},
                "private_key": rules.text(500),
                "public_key": {"bsonType": "object"},
                "created_at": rules.DATE,
            },
        }
    },
    # One key signs at a time: of two processes that make the first key, one wins.
    indexes=(
        IndexModel(
            [("state", ASCENDING)],
            name="one_signing",
            unique=True,
            partialFilterExpression={"state": "signing"},
        ),
    ),
)

COLLECTIONS = (USERS, SESSIONS, SIGNING_KEYS, *inbox.COLLECTIONS, MIGRATIONS)
