"""The uploaded files, in GridFS."""

from typing import BinaryIO

from gridfs import GridFSBucket, GridOut
from gridfs.errors import NoFile
from pymongo.database import Database

from shared.repository import Document


class FileStore:
    """The uploaded files, in GridFS, each under the id of its job."""

    def __init__(self, database: Database[Document]) -> None:
        self._bucket = GridFSBucket(database, bucket_name="uploads")

    def keep(self, id: str, name: str, stream: BinaryIO) -> None:
        """Store a file; it is read in pieces."""
        self._bucket.upload_from_stream_with_id(id, name, stream)

    def open(self, id: str) -> GridOut:
        """The file of a job, as a stream."""
        return self._bucket.open_download_stream(id)

    def forget(self, id: str) -> None:
        """Delete a file; one that is gone already is fine."""
        try:
            self._bucket.delete(id)
        except NoFile:
            return
