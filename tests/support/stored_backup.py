"""A backup on the disk, and what can happen to it there."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace

import bson

from services.tools.backup import Made
from shared.backup import manifest as manifests
from shared.backup.manifest import Record
from shared.backup.streams import BsonWriter
from shared.document import Document


class StoredBackup:
    """A backup that was made, in its folder."""

    def __init__(self, made: Made) -> None:
        self.path = made.path
        self.manifest = made.manifest

    def record(self, name: str) -> Record:
        """What the manifest says of a collection."""
        (found,) = [record for record in self.manifest.records if record.name == name]
        return found

    def documents(self, name: str) -> list[Document]:
        """The documents of a collection."""
        path = self.manifest.data_file(self.path, self.record(name))
        return bson.decode_all(gzip.decompress(path.read_bytes()))

    def flip_byte(self, name: str) -> None:
        """Change one bit in the middle of a file."""
        path = self.manifest.data_file(self.path, self.record(name))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    def lose_file(self, name: str) -> None:
        """Lose the documents of a collection."""
        self.manifest.data_file(self.path, self.record(name)).unlink()

    def lose_collection(self, name: str) -> None:
        """Lose both files of a collection."""
        self.lose_file(name)
        self.manifest.metadata_file(self.path, self.record(name)).unlink()

    def lose_index(self, name: str, index: str) -> None:
        """Lose an index, and nothing else."""

        def lose(content: Document) -> None:
            content["indexes"] = [one for one in content["indexes"] if one["name"] != index]

        self._rewrite(name, lose)

    def loosen(self, name: str) -> None:
        """Lose the rules of a collection."""
        self._rewrite(name, lambda content: content["options"].update(validator={}))

    def lose_document(self, name: str, *, is_hidden: bool) -> str:
        """Lose the last document; `is_hidden`: the manifest is made to agree with that."""
        record, documents = self.record(name), self.documents(name)
        path = self.manifest.data_file(self.path, record)
        path.unlink()
        with BsonWriter(path) as writer:
            for document in documents[:-1]:
                writer.write(bson.encode(document))
        if is_hidden:
            tally = writer.tally
            said = replace(
                record, documents=tally.documents, bytes=tally.length, sha256=tally.sha256
            )
            records = tuple(said if one.name == name else one for one in self.manifest.records)
            (self.path / manifests.FILE).unlink()
            manifests.write(replace(self.manifest, records=records), self.path)
        return str(documents[-1]["_id"])

    def _rewrite(self, name: str, change: Callable[[Document], object]) -> None:
        path = self.manifest.metadata_file(self.path, self.record(name))
        content = json.loads(gzip.decompress(path.read_bytes()))
        change(content)
        path.write_bytes(gzip.compress(json.dumps(content).encode()))
