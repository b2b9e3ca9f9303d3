"""Operations of staff on imports: ask for one, and write out its rejected rows."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

from services.imports import presets
from services.imports.reading import formulas
from services.imports.reading.mapping import Mapping
from services.imports.reading.table import inspect
from services.imports.repository.files import FileStore
from services.imports.repository.jobs import JobRepository
from shared.document import Document
from shared.errors import invalid
from shared.events.contracts import ImportAdvanced
from shared.idempotency import creation_request
from shared.identifiers import new_id
from shared.values import strict_json

_PIECE = 1024 * 1024
_MAX_NAME_LENGTH = 255


@dataclass(frozen=True)
class Requester:
    """The person who asks for an import, their Idempotency-Key, and their sealed delegation."""

    caller_id: str
    idempotency_key: str | None
    delegate: Callable[[], str]


def read_mapping(preset: str | None, mapping: str | None) -> Document:
    """The mapping that was asked for, by name or in full.

    :raises Invalid: neither or both were given, the name is unknown, or the mapping breaks a rule.
    """
    if (preset is None) == (mapping is None):
        raise invalid("preset", "Give either a preset or a mapping.")
    data = _preset(preset) if preset is not None else _parsed(mapping or "")
    Mapping.from_dict(data)
    return data


def ask(
    jobs: JobRepository,
    files: FileStore,
    *,
    name: str,
    stream: BinaryIO,
    preset: str | None,
    mapping: Document,
    asked: Requester,
    now: datetime,
    max_bytes: int,
) -> Document:
    """Take in a file and begin its import; answers with the job.

    :raises FileUnreadable: its beginning shows already that it cannot be read with this mapping.
    :raises IdempotencyKeyReused: the key came with another file or mapping.
    """
    inspect(stream, Mapping.from_dict(mapping), max_bytes=max_bytes)
    stream.seek(0)
    size, digest = _measure(stream)
    request = creation_request(
        asked.idempotency_key,
        caller_id=asked.caller_id,
        payload={"sha256": digest, "mapping": mapping},
    )
    repeated = jobs.first_answer(request)
    if repeated is not None:
        return repeated
    # Before the file is kept: it would stay for ever where accounts refuses or is away.
    delegation = asked.delegate()
    id, name = new_id(), name[:_MAX_NAME_LENGTH]
    stream.seek(0)
    files.keep(id, name, stream)
    event = ImportAdvanced(import_id=id, step=1, version=1, occurred_at=now.isoformat())
    job = jobs.add(
        id=id,
        mapping=mapping,
        preset=preset,
        file={"name": name, "bytes": size, "sha256": digest},
        asked_by=asked.caller_id,
        delegation=delegation,
        event=event,
        now=now,
        request=request,
    )
    if job["_id"] != id:
        files.forget(id)
    return job


def write_rejects(rows: Iterable[Document], header: list[str]) -> Iterator[str]:
    """The rejected rows as CSV, piece by piece: row number, reason, and the row as it was.

    What a spreadsheet would run as a formula is quoted.
    """
    yield _csv_line([*formulas.REJECTS_TITLES, *header])
    for row in rows:
        yield _csv_line([str(row["row"]), row["reason"], *row["raw"]])


def _csv_line(fields: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(formulas.quoted(fields))
    return line.getvalue()


def _preset(name: str) -> Document:
    data = presets.read(name)
    if data is None:
        raise invalid(
            "preset", f"There is no preset {name}; there are: {', '.join(presets.names())}."
        )
    return data


def _parsed(text: str) -> Document:
    try:
        data: Document = strict_json.loads(text.encode())
    except strict_json.NotJson as error:
        raise invalid("mapping", "It is not valid JSON.") from error
    except strict_json.NameTwice as error:
        raise invalid("mapping", f"{error}.") from error
    return data


def _measure(stream: BinaryIO) -> tuple[int, str]:
    """Size and SHA-256 of a file, read in pieces."""
    digest, size = sha256(), 0
    while piece := stream.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()
