"""Stores the uploaded files in GridFS."""

import time
from collections.abc import Callable
from typing import BinaryIO

from gridfs import GridFSBucket, GridOut
from gridfs.errors import NoFile
from pymongo.database import Database

from shared.document import Document
from shared.mongo.client import deadline

SAY_EVERY_SECONDS = 5.0
PIECE = 4 * 1024 * 1024


class WatchedFile:
    """A file whose reader says, every few seconds, that they are still at it."""

    def __init__(self, file: GridOut, still_here: Callable[[], None]) -> None:
        self._file = file
        self._still_here = still_here
        self._said_at = time.monotonic()

    def read(self, size: int, /) -> bytes:
        """The next bytes."""
        if time.monotonic() - self._said_at > SAY_EVERY_SECONDS:
            self._still_here()
            self._said_at = time.monotonic()
        return self._file.read(size)

    def seek(self, position: int, /) -> int:
        """Go to a byte."""
        return self._file.seek(position)

    @property
    def share_read(self) -> float:
        """The part of the file's bytes that is before the place of reading, 0 to 1."""
        return self._file.tell() / self._file.length if self._file.length else 1.0

    def close(self) -> None:
        """Read no more."""
        self._file.close()


class FileStore:
    """The uploaded files, in GridFS, each under the id of its job."""

    def __init__(self, database: Database[Document]) -> None:
        self._bucket = GridFSBucket(database, bucket_name="uploads")

    def keep(self, id: str, name: str, stream: BinaryIO) -> None:
        """Store a file; it is read in pieces, for each of which the database has to answer in time.

        A file that could not be stored whole leaves pieces behind which nobody can see.
        """
        file = self._bucket.open_upload_stream_with_id(id, name)
        while piece := stream.read(PIECE):
            with deadline():
                file.write(piece)
        with deadline():
            file.close()

    def open(self, id: str) -> GridOut:
        """The file of a job, as a stream."""
        return self._bucket.open_download_stream(id)

    def open_watched(self, id: str, still_here: Callable[[], None]) -> WatchedFile:
        """The file of a job, for long reading: `still_here` is called every few seconds of it."""
        return WatchedFile(self.open(id), still_here)

    def forget(self, id: str) -> None:
        """Delete a file; one that is gone already is fine."""
        try:
            self._bucket.delete(id)
        except NoFile:
            return
