"""Toys that are to be of two colours, to test migrations on."""

from collections.abc import Callable
from typing import Any

from pymongo import IndexModel

from shared.document import Document
from shared.mongo.collections import Collection
from shared.mongo.migrations.documents import MIGRATIONS
from shared.mongo.migrations.files import Migration

TOYS = Collection(
    name="toys",
    validator={
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id"],
            "additionalProperties": False,
            "properties": {
                "_id": {"bsonType": "string"},
                "colour": {"bsonType": "string"},
                "colours": {"bsonType": "array", "items": {"enum": ["red", "blue"]}},
                "serial": {"bsonType": "int"},
                "sold": {"bsonType": "int"},
                "version": {"bsonType": "int"},
                "schema_version": {"bsonType": "int"},
            },
        }
    },
    indexes=(
        IndexModel(
            [("serial", 1)],
            name="serial",
            unique=True,
            partialFilterExpression={"serial": {"$gt": 0}},
        ),
    ),
)
COLLECTIONS = (TOYS, MIGRATIONS)


def toy(number: int, **fields: Any) -> Document:
    """A red toy in the form of before."""
    return {"_id": f"{number:04}", "colour": "red", "version": 1, **fields}


def split(document: Document) -> Document:
    """A toy in the new form."""
    new = {name: value for name, value in document.items() if name != "colour"}
    return new | {"colours": document["colour"].split("-"), "schema_version": 2}


def migration(migrate: Callable[[Document], Document] = split, **fields: Any) -> Migration:
    """The migration of the toys."""
    usual: dict[str, Any] = {
        "name": "0001_split_colours",
        "checksum": "0" * 64,
        "collection": "toys",
        "schema_version": 2,
        "migrate": migrate,
    }
    return Migration(**usual | fields)
