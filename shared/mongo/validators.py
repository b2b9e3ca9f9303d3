"""Building blocks of `$jsonSchema` validators: ids, dates, texts, closed objects.

Knows no collection. Rules of one service alone are in its `documents`.
"""

from collections.abc import Collection
from typing import Any

Rule = dict[str, Any]

# `$` would let a line feed through after the last digit.
ID: Rule = {"bsonType": "string", "pattern": r"^[0-9a-f]{24}\z"}
HASH: Rule = {"bsonType": "string", "pattern": r"^[0-9a-f]{64}\z"}
DATE: Rule = {"bsonType": "date"}
VERSION: Rule = {"bsonType": "int", "minimum": 1}
COUNT: Rule = {"bsonType": "int", "minimum": 0}


def text(max_length: int) -> Rule:
    """A text of at most so many characters that is more than blanks."""
    return {"bsonType": "string", "maxLength": max_length, "pattern": r"\S"}


def or_null(rule: Rule) -> Rule:
    """The same rule for null as well."""
    return rule | {"bsonType": [rule["bsonType"], "null"]}


def fields(properties: dict[str, Rule], *, optional: Collection[str] = ()) -> Rule:
    """An object with these fields and no others; all but the `optional` ones have to be there."""
    rule: Rule = {"bsonType": "object", "additionalProperties": False, "properties": properties}
    needed = sorted(properties.keys() - set(optional))
    # The server takes no empty list.
    return rule | {"required": needed} if needed else rule


def array(items: Rule, *, max_items: int) -> Rule:
    """A list of at most so many of these."""
    return {"bsonType": "array", "maxItems": max_items, "items": items}


def form(*versions: int) -> Rule:
    """The number of one of these forms of a document."""
    return {"bsonType": "int", "enum": list(versions)}
