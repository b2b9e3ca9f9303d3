"""Restores databases from a backup, in two steps, since TTL indexes delete what has expired.

First every collection with its rules and its documents, which then can be compared with the
manifest; then the indexes, which are built quicker over documents that are there.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from shared.backup import BackupBroken, BackupFailed, Progress, streams
from shared.backup.manifest import Manifest, Record, from_json
from shared.backup.streams import Tally
from shared.document import Document
from shared.events.outbox import OUTBOX_INDEX

_OUTBOX_INDEX_NAME = OUTBOX_INDEX.document["name"]


def problems(manifest: Manifest, folder: Path, *, progress: Progress) -> Iterator[str]:
    """Read the whole backup; a sentence for everything that is not as the manifest says."""
    for record in manifest.records:
        try:
            _read_metadata(manifest.metadata_file(folder, record))
            for _ in _documents(manifest, record, folder, progress):
                pass
        except BackupBroken as error:
            yield str(error)


def refuse_occupied(client: MongoClient[Any], names: list[str]) -> None:
    """Let pass databases that are not there, or hold no document.

    :raises BackupFailed: one of them holds some.
    """
    for name in names:
        for collection in client[name].list_collection_names():
            if client[name][collection].find_one({}, {"_id": 1}) is not None:
                raise BackupFailed(
                    f"{name} holds documents ({collection}), which a restore would replace; name "
                    "another prefix with INTO=…, or say OVERWRITE=1 to lose what is in it."
                )


def drop(client: MongoClient[Any], names: list[str]) -> None:
    """Drop databases, whether they are there or not."""
    for name in names:
        client.drop_database(name)


def fill(
    client: MongoClient[Any], manifest: Manifest, folder: Path, *, into: str, progress: Progress
) -> None:
    """Make every collection with its rules and documents, under the prefix `into`.

    :raises BackupBroken: something in the backup is not as it was written.
    """
    for record in manifest.records:
        database = client[manifest.database_name(record, into=into)]
        metadata = _read_metadata(manifest.metadata_file(folder, record))
        with _refused(record):
            database.command({"create": record.collection, **metadata["options"]})
        for batch in _documents(manifest, record, folder, progress):
            with _refused(record):
                database[record.collection].insert_many(
                    batch,
                    # The server need not stop to ask whether one failed before the next.
                    ordered=False,
                    # A document from before a rule became stricter belongs to the backup as well.
                    bypass_document_validation=True,
                )


def build_indexes(
    client: MongoClient[Any], manifest: Manifest, folder: Path, *, into: str, progress: Progress
) -> None:
    """Build the indexes of every collection under the prefix `into`.

    :raises BackupBroken: something in the backup is not as it was written.
    """
    for done, record in enumerate(manifest.records, start=1):
        metadata = _read_metadata(manifest.metadata_file(folder, record))
        indexes = [index for index in metadata["indexes"] if index["name"] != "_id_"]
        if indexes:
            with _refused(record):
                client[manifest.database_name(record, into=into)].command(
                    {"createIndexes": record.collection, "indexes": indexes}
                )
        progress("indexes", done, len(manifest.records))


@contextmanager
def _refused(record: Record) -> Iterator[None]:
    """Name the collection whose documents or indexes MongoDB does not take."""
    try:
        yield
    except OperationFailure as error:
        raise BackupBroken(
            f"MongoDB does not take {record.name} as it is in the backup ({str(error)[:200]}); use "
            "another backup."
        ) from error


def release_events(
    client: MongoClient[Any], manifest: Manifest, *, into: str, now: datetime
) -> int:
    """Make every event that waits in a document due now.

    Returns how many documents have some. A consumer that has handled one knows it by its id.
    """
    return sum(
        client[manifest.database_name(record, into=into)][record.collection]
        .update_many(
            {"outbox.to": {"$exists": True}},
            # As if never sent: together with others, and again after seconds, not minutes.
            {"$set": {"outbox.$[].due_at": now, "outbox.$[].sent": 0}},
            bypass_document_validation=True,
        )
        .modified_count
        for record in manifest.records
        if any(index["name"] == _OUTBOX_INDEX_NAME for index in record.indexes)
    )


def _documents(
    manifest: Manifest, record: Record, folder: Path, progress: Progress
) -> Iterator[list[Any]]:
    """All documents of a collection in batches; at the end it is known whether they were right."""
    path, tally = manifest.data_file(folder, record), Tally()
    for batch in streams.read(path, tally):
        yield batch
        progress(record.name, tally.documents, max(record.documents, tally.documents))
    if tally.documents != record.documents:
        raise BackupBroken(
            f"{path} holds {tally.documents} documents, and {record.documents} were written; use "
            "another backup."
        )
    if tally.sha256 != record.sha256:
        raise BackupBroken(f"{path} is not as it was written; use another backup.")
    progress(record.name, record.documents, record.documents)


def _read_metadata(path: Path) -> Document:
    try:
        content = json.loads(gzip.decompress(path.read_bytes()))
        return {name: from_json(content[name]) for name in ("options", "indexes")}
    except FileNotFoundError as error:
        raise BackupBroken(f"{path} is missing; use another backup.") from error
    except (gzip.BadGzipFile, zlib.error, EOFError, ValueError, KeyError, TypeError) as error:
        raise BackupBroken(f"{path} is damaged ({error}); use another backup.") from error
