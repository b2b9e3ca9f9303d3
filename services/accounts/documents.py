"""Collections of accounts: users, sessions, tries and signing keys; validators and indexes."""

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.auth.roles import ROLES
from shared.events.outbox import OUTBOX_SCHEMA
from shared.idempotency import REQUEST_INDEX, REQUEST_SCHEMA
from shared.messaging import inbox
from shared.mongo import validators
from shared.mongo.collections import Collection
from shared.mongo.migrations.documents import MIGRATIONS
from shared.values.email import ADDRESS_SCHEMA, KEY_SCHEMA, is_key_of

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
                "_id": validators.ID,
                "email": ADDRESS_SCHEMA,
                "email_key": KEY_SCHEMA,
                "name": validators.text(200),
                "role": {"enum": list(ROLES)},
                "active": {"bsonType": "bool"},
                # Never a password: only argon2id's own encoding passes.
                "password_hash": {
                    "bsonType": "string",
                    "pattern": r"^\$argon2id\$",
                    "maxLength": 300,
                },
                # True after somebody else has set it: the owner has to choose another.
                "password_is_one_time": {"bsonType": "bool"},
                # Of releases before `sign_in_attempts`, which need the first and write both.
                "failures": validators.COUNT,
                "next_try_at": validators.DATE,
                "tokens_void_before": validators.DATE,
                "sessions_void_before": validators.DATE,
                # Those from before these were kept count as 1.
                "token_version": validators.VERSION,
                "session_version": validators.VERSION,
                # How often they changed others: what a transaction touches to hold them to it.
                "acts": validators.COUNT,
                "created_at": validators.DATE,
                "updated_at": validators.DATE,
                "version": validators.VERSION,
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
                "_id": validators.ID,
                "user_id": validators.ID,
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
                            "hash": validators.HASH,
                            "replaced_at": {"bsonType": ["date", "null"]},
                        },
                    },
                },
                "created_at": validators.DATE,
                "expires_at": validators.DATE,
                "version": validators.VERSION,
                "parent": validators.or_null(validators.ID),
                "seed": validators.HASH,
                "ended_at": validators.DATE,
            },
        }
    },
    indexes=(
        IndexModel([("expires_at", ASCENDING)], name="expired", expireAfterSeconds=0),
        IndexModel([("user_id", ASCENDING)], name="user"),
        IndexModel([("parent", ASCENDING)], name="parent", sparse=True),
        IndexModel([("ended_at", ASCENDING)], name="ended", sparse=True),
    ),
)

_MARK = "[0-9a-f]{64}"
SIGN_IN_ATTEMPTS = Collection(
    name="sign_in_attempts",
    validator={
        "$jsonSchema": validators.fields(
            {
                # Of an account, an address, or both; hashes of what was typed and seen.
                "_id": {
                    "bsonType": "string",
                    "pattern": rf"^({_MARK}\.|\.{_MARK}|{_MARK}\.{_MARK})\z",
                },
                "revision": validators.VERSION,
                "failures": validators.COUNT,
                "began_at": validators.or_null(validators.DATE),
                "in_burst": validators.COUNT,
                "next_try_at": validators.or_null(validators.DATE),
                "signed_in_at": validators.or_null(validators.DATE),
                "expires_at": validators.DATE,
            }
        )
    },
    indexes=(IndexModel([("expires_at", ASCENDING)], name="expired", expireAfterSeconds=0),),
)

SIGNING_KEYS = Collection(
    name="signing_keys",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "additionalProperties": False,
            "required": ["_id", "state", "private_key", "public_key", "created_at"],
            "properties": {
                "_id": validators.text(64),
                "state": {"enum": ["signing", "retired"]},
                "private_key": validators.text(500),
                "public_key": {"bsonType": "object"},
                "created_at": validators.DATE,
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

COLLECTIONS = (
    USERS,
    SESSIONS,
    SIGN_IN_ATTEMPTS,
    SIGNING_KEYS,
    *inbox.COLLECTIONS,
    MIGRATIONS,
)
