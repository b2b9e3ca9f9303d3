"""Manifest of a backup: its moment, and the checksum, rules and indexes of every collection.

It is kept beside the documents as `manifest.json`, under a checksum of its own.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bson import json_util

from shared.backup import BackupBroken, BackupFailed
from shared.document import Document

FORMAT = 1
"""Raised when backups are written in a way that older readers would misunderstand."""

FILE = "manifest.json"
DUMP = "dump"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One collection as it was at the moment of the backup."""

    database: str
    """The part of the database's name after the prefix."""
    collection: str
    documents: int
    bytes: int
    """The length of all documents, not compressed."""
    sha256: str
    """The checksum of all documents, one behind the other in the order of their `_id`."""
    stored_bytes: int
    """The length of the compressed file."""
    uuid: str
    options: Document
    """The collection's validator, validation level and action."""
    indexes: list[Document]

    @property
    def name(self) -> str:
        """Database and collection, as a person reads them."""
        return f"{self.database}.{self.collection}"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """All of a backup but the documents."""

    prefix: str
    """The beginning of the names of its databases."""
    at: datetime
    """The moment, by the server's clock, to the second."""
    cluster_time: tuple[int, int]
    """The moment itself: seconds, and a number within the second."""
    server: str
    """The version of MongoDB that it was read from."""
    records: tuple[Record, ...]

    def database_name(self, record: Record, *, into: str = "") -> str:
        """The database that a record belongs to, under this backup's prefix or another one."""
        return f"{into or self.prefix}_{record.database}"

    def database_names(self, *, into: str = "") -> list[str]:
        """All databases in the backup, under its prefix or another one."""
        return sorted({self.database_name(record, into=into) for record in self.records})

    def data_file(self, folder: Path, record: Record) -> Path:
        """The path of the documents of a collection."""
        return self._file(folder, record, "bson.gz")

    def metadata_file(self, folder: Path, record: Record) -> Path:
        """The path of the options and indexes of a collection."""
        return self._file(folder, record, "metadata.json.gz")

    def _file(self, folder: Path, record: Record, ending: str) -> Path:
        # mongorestore takes what follows a percent sign as the number of a character.
        name = quote(record.collection, safe="")
        return folder / DUMP / self.database_name(record) / f"{name}.{ending}"


def write(manifest: Manifest, folder: Path) -> None:
    """Put the manifest into the folder of its backup."""
    body = {
        "format": FORMAT,
        "prefix": manifest.prefix,
        "at": manifest.at.isoformat(),
        "cluster_time": list(manifest.cluster_time),
        "server": manifest.server,
        "collections": [
            asdict(record)
            | {"options": to_json(record.options), "indexes": to_json(record.indexes)}
            for record in manifest.records
        ],
    }
    text = json.dumps({**body, "sha256": _checksum(body)}, indent=1, ensure_ascii=False)
    with (folder / FILE).open("x", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Manifest:
    """The manifest of the backup in a folder.

    :raises BackupFailed: there is no backup in it, or one that this program cannot read.
    :raises BackupBroken: the manifest is not as it was written.
    """
    path = folder / FILE
    try:
        body = json.loads(path.read_bytes())
        claimed = body.pop("sha256")
    except OSError as error:
        raise BackupFailed(
            f"{folder} holds no backup ({FILE}: {error.strerror}); name a folder that "
            "`make backup` has made."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupBroken(f"{path} is damaged; use another backup.") from error
    if claimed != _checksum(body):
        raise BackupBroken(f"{path} is not as it was written; use another backup.")
    if body["format"] != FORMAT:
        raise BackupFailed(
            f"{folder} has format {body['format']}, and this Kith reads {FORMAT}; restore it with "
            "the Kith that made it."
        )
    return _manifest(body)


def to_json(value: Any) -> Any:
    """A value out of the database as MongoDB's extended JSON, with every type spelt out."""
    return json.loads(json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS))


def from_json(value: Any) -> Any:
    """The value from which `to_json` has made this one."""
    return json_util.loads(json.dumps(value), json_options=json_util.CANONICAL_JSON_OPTIONS)


def _manifest(body: Document) -> Manifest:
    return Manifest(
        prefix=body["prefix"],
        at=datetime.fromisoformat(body["at"]),
        cluster_time=(body["cluster_time"][0], body["cluster_time"][1]),
        server=body["server"],
        records=tuple(
            Record(
                **{
                    **record,
                    "options": from_json(record["options"]),
                    "indexes": from_json(record["indexes"]),
                }
            )
            for record in body["collections"]
        ),
    )


def _checksum(body: Document) -> str:
    return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
