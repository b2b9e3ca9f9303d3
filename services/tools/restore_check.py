"""Check of a backup: restores it aside, compares everything, and drops the copy."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from pymongo import MongoClient

from services.tools import consistency
from services.tools.backup import dropped_in_the_end
from shared.backup import Progress, manifest
from shared.backup.compare import differing_documents, differing_schema
from shared.backup.manifest import Manifest
from shared.backup.restore import build_indexes, fill, problems
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.settings import Settings

SCRATCH = "restore_check"


def check(settings: Settings, folder: Path, *, progress: Progress) -> tuple[Manifest, list[str]]:
    """The manifest of a backup, and a sentence for everything in which the backup is not right.

    :raises BackupFailed: there is no backup in the folder, or its manifest cannot be read.
    """
    made = manifest.read(folder)
    found = list(problems(made, folder, progress=progress))
    if found:
        # Half of a backup agrees with nothing; more sentences would only hide these.
        return made, found
    prefix = f"{SCRATCH}_{uuid4().hex[:12]}"
    scratch = replace(settings, database_prefix=prefix)
    with (
        connect(settings, patient=True) as client,
        dropped_in_the_end(client, made.database_names(into=prefix)),
    ):
        return made, list(_differences(client, made, folder, scratch, progress))


def _differences(
    client: MongoClient[Document],
    made: Manifest,
    folder: Path,
    scratch: Settings,
    progress: Progress,
) -> Iterator[str]:
    into = scratch.database_prefix
    fill(client, made, folder, into=into, progress=progress)
    yield from differing_documents(client, made, into=into, progress=progress)
    build_indexes(client, made, folder, into=into, progress=progress)
    yield from differing_schema(client, made, into=into)
    yield from consistency.differences(lambda service: service_database(client, scratch, service))
