"""Turns a batch of documents into the new form, while others go on changing them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import bson
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from shared.document import Document
from shared.mongo.migrations.files import Migration

MAX_TRIES = 20
"""Reads of a document that others change each time between our look and our write."""

_INVALID, _DUPLICATE = 121, 11000


@dataclass
class Outcome:
    """The result of a batch: the number of migrated documents, and the failures with reasons.

    The rest are of the new form by what others wrote meanwhile.
    """

    migrated: int = 0
    failures: list[Document] = field(default_factory=list)

    def fail(self, id: Any, reason: str) -> None:
        """Note a document that stays as it is."""
        self.failures.append({"id": str(id), "reason": reason[:500]})


@dataclass(frozen=True)
class Change:
    """A document and what it is to become."""

    before: Document
    after: Document

    def write(self) -> UpdateOne:
        """The write, which finds the document only as it was read.

        It sets what differs and no more, so whatever else is written meanwhile stays.
        """
        differing = [
            name
            for name in {**self.before, **self.after}
            if name not in self.before
            or name not in self.after
            or _encoded(self.before[name]) != _encoded(self.after[name])
        ]
        setting = {name: self.after[name] for name in differing if name in self.after}
        removing = {name: "" for name in differing if name not in self.after}
        guarded = {*differing, "version", "schema_version"}
        as_read: Document = {
            name: {"$eq": self.before[name]} if name in self.before else {"$exists": False}
            for name in sorted(guarded)
        }
        update = {"$set": setting} | ({"$unset": removing} if removing else {})
        return UpdateOne({"_id": self.before["_id"], **as_read}, update)


def turn(
    collection: Collection[Document], migration: Migration, documents: Sequence[Document]
) -> Outcome:
    """Turn documents of an earlier form into the new one."""
    outcome = Outcome()
    waiting = list(documents)
    for _ in range(MAX_TRIES):
        waiting = _turn(collection, migration, waiting, outcome)
        if not waiting:
            return outcome
    for document in waiting:
        outcome.fail(document["_id"], "Somebody changed it each time before it could be written.")
    return outcome


def changes(
    migration: Migration, documents: Sequence[Document], outcome: Outcome
) -> Iterator[Change]:
    """Documents with their new form; those that cannot be migrated are noted in `outcome`."""
    for document in documents:
        version = document.get("schema_version", 1)
        if version != migration.schema_version - 1:
            outcome.fail(document["_id"], f"It is of version {version}, which nobody expects here.")
            continue
        try:
            after = migration.migrate(document)
        except Exception as error:
            # Whatever is wrong with one document must not keep the others from being migrated.
            outcome.fail(document["_id"], f"{type(error).__name__}: {error}")
            continue
        if (after.get("_id"), after.get("schema_version")) != (
            document["_id"],
            migration.schema_version,
        ):
            outcome.fail(document["_id"], "The migration gave it another id, or a wrong version.")
            continue
        yield Change(document, after)


def _turn(
    collection: Collection[Document],
    migration: Migration,
    documents: list[Document],
    outcome: Outcome,
) -> list[Document]:
    """One try; answers with those that others have changed, as they are now and still old."""
    ahead = list(changes(migration, documents, outcome))
    if not ahead:
        return []
    refused: set[Any] = set()
    try:
        written = collection.bulk_write([change.write() for change in ahead], ordered=False)
        done = written.matched_count
    except BulkWriteError as error:
        if not _only_refusals(error.details):
            raise
        done = error.details["nMatched"]
        for failure in error.details["writeErrors"]:
            id = ahead[failure["index"]].before["_id"]
            refused.add(id)
            outcome.fail(id, _reason(failure))
    outcome.migrated += done
    if done + len(refused) == len(ahead):
        return []
    ids = [change.before["_id"] for change in ahead if change.before["_id"] not in refused]
    return list(collection.find({"_id": {"$in": ids}, **migration.older}))


def _only_refusals(details: Mapping[str, Any]) -> bool:
    """True if each failed write broke a rule, and the others are sure to last."""
    codes = {failure["code"] for failure in details["writeErrors"]}
    return not details["writeConcernErrors"] and codes <= {_INVALID, _DUPLICATE}


def _reason(failure: Document) -> str:
    if failure["code"] == _DUPLICATE:
        fields = ", ".join(failure.get("keyPattern", {}))
        return f"Another document has the same {fields} already."
    names = ", ".join(dict.fromkeys(_names(failure.get("errInfo", {}))))
    return "The validator refuses what it would become" + (f" ({names})." if names else ".")


def _names(details: Any) -> Iterator[str]:
    """The fields that a refusal speaks of, without their values."""
    if isinstance(details, dict):
        if "propertyName" in details:
            yield str(details["propertyName"])
        yield from map(str, details.get("missingProperties", ()))
        for inner in details.values():
            yield from _names(inner)
    elif isinstance(details, list):
        for inner in details:
            yield from _names(inner)


def _encoded(value: Any) -> bytes:
    # Python takes 1, 1.0 and True for the same.
    return bson.encode({"": value})
