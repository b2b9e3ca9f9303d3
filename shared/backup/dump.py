"""Writes whole databases, as they are at one moment, into a folder that `mongorestore` can read.

manifest.json
dump/<database>/<collection>.bson.gz             the documents, by `_id`
dump/<database>/<collection>.metadata.json.gz    options and indexes
"""

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from shared.backup import BackupFailed, Progress, manifest
from shared.backup.catalogue import catalogue
from shared.backup.manifest import Manifest, Record
from shared.backup.moment import History, Moment, one_moment
from shared.backup.streams import BsonWriter, raw_batches


def dump(
    client: MongoClient[Any], prefix: str, databases: list[str], folder: Path, *, progress: Progress
) -> Manifest:
    """Write the databases `<prefix>_<database>` into an empty folder; others may go on writing.

    :raises BackupFailed: there is nothing to write, or what was read is not of one moment.
    """
    found = catalogue(client, prefix, databases)
    if not found:
        raise BackupFailed(
            f"There is nothing to back up: no database is named {prefix}_…; DATABASE_PREFIX names "
            "another prefix, MONGO_URL another server."
        )
    collections = [client[f"{prefix}_{one.database}"][one.collection] for one in found]
    with _remembered(client) as history, one_moment(collections) as moment:
        made = Manifest(
            prefix=prefix,
            at=datetime.fromtimestamp(moment.time.time, UTC),
            cluster_time=(moment.time.time, moment.time.inc),
            server=str(client.server_info()["version"]),
            records=tuple(found),
        )
        written = [
            _write(made, record, collection, folder, moment, history, progress)
            for record, collection in zip(found, collections, strict=True)
        ]
    # A collection that is dropped meanwhile reads as an empty one, so the reads alone do not tell.
    if catalogue(client, prefix, databases) != found:
        raise BackupFailed("The schema was changed during the backup; make the backup again.")
    whole = replace(made, records=tuple(written))
    manifest.write(whole, folder)
    return whole


@contextmanager
def _remembered(client: MongoClient[Any]) -> Iterator[History]:
    history = History(client)
    try:
        yield history
    except OperationFailure as error:
        refusal = history.forgotten(error)
        if refusal is None:
            raise
        raise refusal from error
    finally:
        history.let_go()


def _write(
    made: Manifest,
    record: Record,
    collection: Collection[Any],
    folder: Path,
    moment: Moment,
    history: History,
    progress: Progress,
) -> Record:
    """Write one collection; answers with what was written."""
    path = made.data_file(folder, record)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_metadata(record, made.metadata_file(folder, record))
    expected = collection.estimated_document_count()
    with BsonWriter(path) as writer:
        for batch in raw_batches(collection, session=moment.session):
            writer.write(batch)
            history.keep()
            progress(record.name, writer.tally.documents, max(expected, writer.tally.documents))
    tally = writer.tally
    progress(record.name, tally.documents, tally.documents)
    return replace(
        record,
        documents=tally.documents,
        bytes=tally.length,
        sha256=tally.sha256,
        stored_bytes=path.stat().st_size,
    )


def _write_metadata(record: Record, path: Path) -> None:
    """The file that `mongorestore` reads to make a collection before it fills it."""
    content = {
        "options": manifest.to_json(record.options),
        "indexes": manifest.to_json(record.indexes),
        "uuid": record.uuid,
        "collectionName": record.collection,
        "type": "collection",
    }
    with path.open("xb") as file:
        file.write(gzip.compress(json.dumps(content).encode(), mtime=0))
        file.flush()
        os.fsync(file.fileno())
