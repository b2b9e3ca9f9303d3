"""Declares collections, and builds them in a database. Knows no collection by name."""

from collections.abc import Iterator
from dataclasses import dataclass

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import OperationFailure

from shared.document import Document
from shared.events.outbox import OUTBOX_INDEX
from shared.mongo.indexes import build_indexes

_NAMESPACE_EXISTS = 48


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A collection as it has to be in the database: its rules and its indexes."""

    name: str
    validator: Document
    indexes: tuple[IndexModel, ...] = ()
    outbox: bool = False
    """True if its documents carry events for the relay to publish."""

    def rules(self) -> Document:
        """The options by which the server holds its documents to the validator."""
        return {
            "validator": self.validator,
            "validationLevel": "strict",
            "validationAction": "error",
        }

    def all_indexes(self) -> tuple[IndexModel, ...]:
        """The declared indexes, with the relay's own where there is an outbox."""
        return (*self.indexes, OUTBOX_INDEX) if self.outbox else self.indexes


def build(database: Database[Document], collections: tuple[Collection, ...]) -> Iterator[str]:
    """Create or update `collections` in `database`; yields a sentence for each thing changed.

    Indexes that are not declared stay, for an older release at work may still need them.

    :raises DuplicateKeyError: documents break a rule of uniqueness; what was there before stays.
    """
    present = {info["name"]: info["options"] for info in database.list_collections()}
    for collection in collections:
        rules = collection.rules()
        if collection.name not in present:
            if _create(database, collection.name, rules):
                yield f"{database.name}.{collection.name}: created"
        elif any(present[collection.name].get(key) != value for key, value in rules.items()):
            database.command({"collMod": collection.name, **rules})
            yield f"{database.name}.{collection.name}: rules updated"
        for line in build_indexes(database[collection.name], collection.all_indexes()):
            yield f"{database.name}.{collection.name}: {line}"


def _create(database: Database[Document], name: str, rules: Document) -> bool:
    """Create a collection; False if another setup, at the same time, has just made it."""
    try:
        database.create_collection(name, check_exists=False, **rules)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise
        return False
    return True
