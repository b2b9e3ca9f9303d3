"""Compares databases with the manifest of the backup that they were made from."""

from collections.abc import Iterator
from typing import Any

from pymongo import MongoClient

from shared.backup import Progress
from shared.backup.catalogue import catalogue
from shared.backup.manifest import Manifest, Record
from shared.backup.streams import Tally, raw_batches
from shared.document import Document


def differing_documents(
    client: MongoClient[Any], manifest: Manifest, *, into: str, progress: Progress
) -> Iterator[str]:
    """A sentence for every collection under `into` whose documents are not those of the backup."""
    for record in manifest.records:
        tally = Tally()
        collection = client[manifest.database_name(record, into=into)][record.collection]
        for batch in raw_batches(collection):
            tally.add(batch)
            progress(record.name, tally.documents, max(record.documents, tally.documents))
        if tally.documents != record.documents:
            yield f"{record.name}: {record.documents} documents became {tally.documents}."
        elif tally.sha256 != record.sha256:
            yield f"{record.name}: its documents are not those that were backed up."


def differing_schema(client: MongoClient[Any], manifest: Manifest, *, into: str) -> Iterator[str]:
    """A sentence for every collection, rule and index under `into` that is not the backup's."""
    databases = sorted({record.database for record in manifest.records})
    restored = {record.name: record for record in catalogue(client, into, databases)}
    for record in manifest.records:
        if record.name not in restored:
            yield f"{record.name}: the collection is missing."
        else:
            yield from _differences(record, restored.pop(record.name))
    for name in restored:
        yield f"{name}: the collection was not in the backup."


def _differences(written: Record, restored: Record) -> Iterator[str]:
    if written.options != restored.options:
        yield f"{written.name}: its validator or other options are not those backed up."
    indexes, present = _by_name(written.indexes), _by_name(restored.indexes)
    for name in sorted(indexes.keys() | present.keys()):
        if name not in present:
            yield f"{written.name}: the index {name} is missing."
        elif name not in indexes:
            yield f"{written.name}: the index {name} was not in the backup."
        elif indexes[name] != present[name]:
            yield f"{written.name}: the index {name} is not the one backed up."


def _by_name(indexes: list[Document]) -> dict[str, Document]:
    # As a list of pairs, because in a key the order of the fields counts.
    return {index["name"]: {**index, "key": list(index["key"].items())} for index in indexes}
