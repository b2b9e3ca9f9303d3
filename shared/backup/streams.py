"""Streams of BSON documents, plain or in gzip files, counted and hashed while they pass.

Documents are never decoded: what is read is what is written, byte for byte.
"""

import gzip
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from shared.backup import BackupBroken

# Level 6, the default, takes more than twice as long for files that are a quarter smaller.
LEVEL = 2
# MongoDB takes at most 48 MB and 100,000 documents in one message.
BATCH_BYTES, BATCH_DOCUMENTS = 8 * 1024 * 1024, 10_000

_LENGTH = struct.Struct("<i")
_SHORTEST, _MAX_LENGTH = 5, 17 * 1024 * 1024


@dataclass
class Tally:
    """Count of documents and bytes that have passed, and their checksum."""

    documents: int = 0
    length: int = 0
    _hash: Any = field(default_factory=sha256)

    def add(self, documents: bytes) -> None:
        """Count whole documents that follow one another."""
        position = 0
        while position < len(documents):
            position += _LENGTH.unpack_from(documents, position)[0]
            self.documents += 1
        self.length += len(documents)
        self._hash.update(documents)

    @property
    def sha256(self) -> str:
        """The SHA-256 of all that has passed, as hexadecimal digits."""
        digits: str = self._hash.hexdigest()
        return digits


def raw_batches(
    collection: Collection[Any], *, session: ClientSession | None = None
) -> Iterator[bytes]:
    """All documents of a collection by `_id`, as bytes, some megabytes at a time.

    The order makes the checksum of the same documents the same, however they were stored.
    """
    # By hint, because a sort that finds no index would be done in memory.
    found = collection.find_raw_batches({}, session=session, hint="_id_").sort("_id", 1)
    yield from found


class BsonWriter:
    """A new gzip file of documents."""

    def __init__(self, path: Path) -> None:
        self.tally = Tally()
        self._file = path.open("xb")
        # Without a time and a name in it the file of the same documents is the same file.
        self._zip = gzip.GzipFile("", "wb", LEVEL, self._file, mtime=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        with self._file:
            self._zip.close()
            self._file.flush()
            # On the disk itself before the backup is called whole, or a power cut takes it back.
            os.fsync(self._file.fileno())

    def write(self, documents: bytes) -> None:
        """Add whole documents."""
        self.tally.add(documents)
        self._zip.write(documents)


def read(path: Path, tally: Tally) -> Iterator[list[RawBSONDocument]]:
    """The documents in a gzip file, in batches for one insert each; `tally` counts them.

    :raises BackupBroken: the file is not there, or no such file any more.
    """
    try:
        with gzip.open(path) as stream:
            yield from _batches(stream, tally)
    except FileNotFoundError as error:
        raise BackupBroken(f"{path} is missing; use another backup.") from error
    except (gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise BackupBroken(f"{path} is damaged ({error}); use another backup.") from error


def _batches(stream: gzip.GzipFile, tally: Tally) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    size = 0
    while document := _next(stream):
        tally.add(document)
        batch.append(RawBSONDocument(document))
        size += len(document)
        if size >= BATCH_BYTES or len(batch) >= BATCH_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _next(stream: gzip.GzipFile) -> bytes:
    """The next document, or nothing at the end of the file."""
    head = stream.read(_LENGTH.size)
    if not head:
        return b""
    if len(head) < _LENGTH.size:
        raise ValueError("it ends in the middle of a document")
    (length,) = _LENGTH.unpack(head)
    if not _SHORTEST <= length <= _MAX_LENGTH:
        raise ValueError("what should be a document is none")
    document = head + stream.read(length - _LENGTH.size)
    if len(document) < length or document[-1]:
        raise ValueError("what should be a document is none")
    return document
