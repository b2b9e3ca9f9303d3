"""Stages the rows of an import's file: reads them once, and keeps each as it will be sent.

No customer and no order is sent before the whole file has been read, so one that is broken or
endless is refused whole.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial

from services.imports.context import ImportContext
from services.imports.model import grouping
from services.imports.model.lines import Line, Rejection
from services.imports.reading.errors import FileUnreadable
from services.imports.reading.mapping import Mapping
from services.imports.reading.positions import BEGINNING, Position
from services.imports.reading.reader import Rows, read_rows
from services.imports.reading.rows import Row
from services.imports.repository.files import WatchedFile
from services.imports.repository.rows import accepted_row, rejected_row
from shared.document import Document

ROWS_AT_ONCE = 2_000
CHARACTERS_AT_ONCE = 5_000_000
"""Rows are held by their length too: as many of the longest would be gigabytes."""


def stage(context: ImportContext, job: Document, until: float) -> Document:
    """Stage rows from where the last step stopped; at the end of the file go on to the customers.

    :raises FileUnreadable: the file is broken or endless. Then no row of it stays.
    """
    try:
        return _stage(context, job, until)
    except FileUnreadable:
        _unstage(context, job)
        raise


def _stage(context: ImportContext, job: Document, until: float) -> Document:
    progress, position = dict(job["progress"]), Position.from_text(job["position"])
    with closing(_file(context, job)) as file:
        rows = _rows(context, job, file, position)
        for batch in _batches(rows):
            documents = [_staged(*row) for row in batch]
            context.rows.stage(job["_id"], documents)
            progress["rows"] += len(documents)
            progress["rejected"] += sum(document["rejected"] for document in documents)
            progress["rows_of"] = _estimate(progress["rows"], file)
            fields = {"progress": progress, "position": rows.position.to_text()}
            context.jobs.record(job["_id"], step=job["step"], fields=fields)
            if time.monotonic() > until:
                return fields
    progress["rows_of"] = progress["rows"]
    progress["customers_of"] = context.rows.count_groups(job["_id"], "buyer")
    progress["orders_of"] = context.rows.count_groups(job["_id"], "number")
    return {"state": "customers", "progress": progress, "position": None}


def _unstage(context: ImportContext, job: Document) -> None:
    """Forget all rows of a job. Whatever kills this worker, the next one begins with the file."""
    none = {**job["progress"], "rows": 0, "rows_of": 0, "rejected": 0}
    fields = {"progress": none, "position": BEGINNING.to_text()}
    context.jobs.record(job["_id"], step=job["step"], fields=fields)
    context.rows.forget(job["_id"])


def _file(context: ImportContext, job: Document) -> WatchedFile:
    """The job's file. Reading it keeps the lease, also where it is only unpacked."""
    return context.files.open_watched(
        job["_id"], partial(context.jobs.keep_lease, job["_id"], step=job["step"])
    )


def _rows(context: ImportContext, job: Document, file: WatchedFile, position: Position) -> Rows:
    return read_rows(
        file,
        Mapping.from_dict(job["mapping"]),
        now=datetime.now(UTC),
        max_bytes=context.max_bytes,
        position=position,
    )


def _estimate(rows: int, file: WatchedFile) -> int:
    """The number of rows in a file of which so many were read."""
    return max(rows, round(rows / (file.share_read or 1.0)))


def _staged(row: int, fields: list[str], outcome: Line | Rejection) -> Document:
    if isinstance(outcome, Line):
        return accepted_row(row, fields, outcome, buyer=grouping.customer_key(outcome))
    return rejected_row(row, fields, outcome)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += sum(map(len, row[1]))
        if len(batch) == ROWS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
