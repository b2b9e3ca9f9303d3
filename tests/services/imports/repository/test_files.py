"""Uploaded files on the real server."""

import io
from contextlib import closing

import pytest
from gridfs.errors import NoFile
from pymongo.database import Database

from services.imports.documents import COLLECTIONS
from services.imports.repository.files import PIECE, FileStore
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.collections import build
from shared.mongo.drift import differences, prune

SEVERAL_CHUNKS = b"0123456789" * 100_000
SEVERAL_PIECES = b"x" * (PIECE + 1)


class TestFileStore:
    @pytest.mark.parametrize("content", [b"", b"a,b\n", SEVERAL_CHUNKS, SEVERAL_PIECES], ids=len)
    def test_gives_back_what_it_was_given(self, files: FileStore, content: bytes) -> None:
        id = new_id()

        files.keep(id, "shop.csv", io.BytesIO(content))

        with closing(files.open(id)) as stream:
            assert stream.read() == content

    def test_has_no_file_of_another(self, files: FileStore) -> None:
        files.keep(new_id(), "shop.csv", io.BytesIO(b"a"))

        with pytest.raises(NoFile):
            files.open(new_id())

    def test_forgets_all_of_a_file(self, files: FileStore, database: Database[Document]) -> None:
        id = new_id()
        files.keep(id, "shop.csv", io.BytesIO(SEVERAL_CHUNKS))

        files.forget(id)

        assert database["uploads.files"].count_documents({}) == 0
        assert database["uploads.chunks"].count_documents({}) == 0

    def test_forgets_what_is_gone(self, files: FileStore) -> None:
        files.forget(new_id())


class TestIndexes:
    def test_that_the_driver_builds_are_declared(
        self, files: FileStore, database: Database[Document]
    ) -> None:
        files.keep(new_id(), "shop.csv", io.BytesIO(b"a"))

        assert list(differences(database, COLLECTIONS)) == []
        assert list(prune(database, COLLECTIONS)) == []

    def test_that_the_driver_built_before_they_were_declared_stay(
        self, files: FileStore, database: Database[Document]
    ) -> None:
        for name in ("uploads.files", "uploads.chunks"):
            database[name].delete_many({})
            database[name].drop_indexes()
        assert len(list(differences(database, COLLECTIONS))) == 2

        # The driver looks for its indexes before the first file, and only then.
        files.keep(new_id(), "shop.csv", io.BytesIO(b"a"))

        assert list(build(database, COLLECTIONS)) == []
        assert list(differences(database, COLLECTIONS)) == []
        assert list(prune(database, COLLECTIONS)) == []
