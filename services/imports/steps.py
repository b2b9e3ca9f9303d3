"""The work of an import, step by step: read rows, then send customers, then orders, then reconcile.

A step lasts some seconds and ends by saying, as an event, that the next is due. Whatever kills a
worker, the event comes again; what was done is noted often, and everything is safe to do twice.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog

from services.imports.model import grouping, reconciliation
from services.imports.model.lines import Line, Rejection, Unfit
from services.imports.reading.errors import FileUnreadable
from services.imports.reading.mapping import Mapping
from services.imports.reading.reader import open_table, read_rows
from services.imports.repository.files import FileStore, WatchedFile
from services.imports.repository.jobs import JobRepository
from services.imports.repository.outcomes import OutcomeRepository
from services.imports.repository.rows import RowRepository, accepted_row, rejected_row
from services.imports.shop_client import Shop, in_batches, problem_text
from shared.api_client import ApiRefused
from shared.document import Document
from shared.events.contracts import ImportAdvanced

Read = tuple[int, list[str], Line | Rejection]
log = structlog.get_logger(__name__)

STEP_SECONDS = 15.0
ROWS_AT_ONCE = 2_000
CHARACTERS_AT_ONCE = 5_000_000
"""Rows are held by their length too: as many of the longest would be gigabytes."""
EMAIL_TAKEN = "urn:kith:problem:email-taken"


@dataclass(frozen=True)
class ImportContext:
    """What the work needs around it."""

    jobs: JobRepository
    files: FileStore
    rows: RowRepository
    outcomes: OutcomeRepository
    enter: Callable[[str], Shop]
    """The shop, for a delegation."""
    leave: Callable[[str], None]
    """Gives a delegation back."""
    max_bytes: int


def run_step(context: ImportContext, job: Document) -> None:
    """Do one step of a job that was leased, and say that the next is due.

    :raises Stale: another worker has taken the job over.
    :raises ApiUnreachable: a service does not answer.
    """
    phases = {"staging": _stage, "customers": _send_customers, "orders": _send_orders}
    try:
        fields = phases[job["state"]](context, job, time.monotonic() + STEP_SECONDS)
    except FileUnreadable as error:
        fields = failed(str(error))
    except ApiRefused as error:
        if error.status not in {401, 403}:
            raise
        fields = failed(f"Whoever asked for this import may no longer do so: {error}")
    context.jobs.advance(
        job["_id"], step=job["step"], fields=fields, event=next_step(job["_id"], job["step"])
    )


def clean_up(context: ImportContext, job_id: str) -> None:
    """Put away what an import that has ended needs no more: accepted rows, the delegation.

    :raises ApiUnreachable: accounts does not answer.
    """
    delegation = context.jobs.delegation(job_id)
    context.rows.forget_accepted(job_id)
    if delegation is not None:
        context.leave(delegation)
        context.jobs.forget_delegation(job_id)


def failed(failure: str) -> Document:
    """What a job becomes that ends without a result; `failure` is a sentence for whoever asked."""
    return {"state": "failed", "failure": failure[:1_000]}


def next_step(job_id: str, step: int) -> ImportAdvanced:
    """The event that has the step after `step` done."""
    return ImportAdvanced(
        import_id=job_id, step=step + 1, version=step + 1, occurred_at=datetime.now(UTC).isoformat()
    )


def _stage(context: ImportContext, job: Document, until: float) -> Document:
    """Read rows from where the last step stopped; at the end of the file go on to the customers."""
    mapping, now = Mapping.from_dict(job["mapping"]), datetime.now(UTC)
    progress = dict(job["progress"])
    position = int(job["position"] or 0)
    if not progress["rows_of"]:
        progress["rows_of"] = _count_rows(context, job, mapping)
    with closing(_file(context, job)) as stream:
        for batch in _batches(
            read_rows(stream, mapping, now=now, max_bytes=context.max_bytes, after=position)
        ):
            documents = [_staged(*row) for row in batch]
            context.rows.stage(job["_id"], documents)
            position = documents[-1]["row"]
            progress["rows"] += len(documents)
            progress["rejected"] += sum(document["rejected"] for document in documents)
            context.jobs.record(
                job["_id"],
                step=job["step"],
                fields={"progress": progress, "position": str(position)},
            )
            if time.monotonic() > until:
                return {"progress": progress, "position": str(position)}
    progress["customers_of"] = context.rows.count_groups(job["_id"], "buyer")
    progress["orders_of"] = context.rows.count_groups(job["_id"], "number")
    return {"state": "customers", "progress": progress, "position": None}


def _file(context: ImportContext, job: Document) -> WatchedFile:
    """The job's file. Reading it keeps the lease, also where rows are only read over."""
    return context.files.open_watched(
        job["_id"], partial(context.jobs.keep_lease, job["_id"], step=job["step"])
    )


def _count_rows(context: ImportContext, job: Document, mapping: Mapping) -> int:
    """Read the file to its end, so that one that is broken or endless is refused before any work.

    :raises FileUnreadable: it is.
    """
    with closing(_file(context, job)) as stream:
        return sum(1 for _ in open_table(stream, mapping, max_bytes=context.max_bytes))


def _send_customers(context: ImportContext, job: Document, until: float) -> Document:
    """Send customers from where the last step stopped; after the last go on to the orders."""
    shop = context.enter(job["delegation"])
    progress, position = dict(job["progress"]), job["position"]
    groups = context.rows.groups(job["_id"], "buyer", after=position)
    for batch in in_batches(groups):
        keys = [key for key, _ in batch]
        entries = [grouping.build_customer(lines) for _, lines in batch]
        results = shop.add_customers(f"import:{job['_id']}", entries)
        outcomes = [
            _outcome("customer", key, _by_email(result), guest=False)
            for key, result in zip(keys, results, strict=True)
        ]
        context.outcomes.keep(job["_id"], outcomes)
        context.rows.reject(
            job["_id"],
            "buyer",
            {
                outcome["key"]: f"The customer was refused. {outcome['reason']}"
                for outcome in outcomes
                if outcome["status"] == "refused"
            },
        )
        position = keys[-1]
        progress["customers"] += len(keys)
        context.jobs.record(
            job["_id"], step=job["step"], fields={"progress": progress, "position": position}
        )
        if time.monotonic() > until:
            return {"progress": progress, "position": position}
    return {"state": "orders", "progress": progress, "position": None}


def _send_orders(context: ImportContext, job: Document, until: float) -> Document:
    """Send orders from where the last step stopped; after the last, reconcile and finish."""
    shop = context.enter(job["delegation"])
    mapping = Mapping.from_dict(job["mapping"])
    progress, position = dict(job["progress"]), job["position"]
    groups = context.rows.groups(job["_id"], "number", after=position)
    for batch in in_batches(groups):
        _send_order_batch(context, shop, job["_id"], mapping, batch)
        position = batch[-1][0]
        progress["orders"] += len(batch)
        context.jobs.record(
            job["_id"], step=job["step"], fields={"progress": progress, "position": position}
        )
        if time.monotonic() > until:
            return {"progress": progress, "position": position}
    counted = reconciliation.reconcile(
        context.rows.totals(job["_id"]),
        context.outcomes.counts(job["_id"]),
        shared_emails=context.outcomes.count_shared_emails(job["_id"]),
    )
    progress["rejected"] = counted["rejected"]
    return {
        "state": "finished",
        "progress": progress,
        "position": None,
        "reconciliation": counted,
    }


def _send_order_batch(
    context: ImportContext,
    shop: Shop,
    job_id: str,
    mapping: Mapping,
    batch: list[tuple[str, list[Line]]],
) -> None:
    ids = context.outcomes.customer_ids(
        job_id, {key for _, lines in batch for key in _buyers(lines)}
    )
    entries, reasons = [], {}
    for number, lines in batch:
        try:
            entries.append(_entry(grouping.build_order(lines, mapping.source), ids))
        except Unfit as unfit:
            reasons[number] = str(unfit)
    outcomes = []
    results = shop.add_orders(f"import:{job_id}", entries) if entries else []
    for entry, result in zip(entries, results, strict=True):
        outcomes.append(
            _outcome(entry["kind"], entry["number"], result, guest=entry["customer_id"] is None)
        )
        if result["status"] == "refused":
            reasons[entry["number"]] = f"The order was refused. {problem_text(result['problem'])}"
    context.outcomes.keep(job_id, outcomes)
    context.rows.reject(job_id, "number", reasons)


def _entry(order: Document, ids: dict[str, str]) -> Document:
    """An order as the orders service takes it. A customer who was refused has no rows left here."""
    key = order.pop("customer_key")
    return {**order, "customer_id": None if key is None else ids[key]}


def _buyers(lines: list[Line]) -> set[str]:
    return {key for key in map(grouping.customer_key, lines) if key is not None}


def _reason(result: Document) -> str | None:
    if result["status"] == "refused":
        return problem_text(result["problem"])[:2_000]
    return "Has the e-mail address of this customer." if "shared" in result else None


def _by_email(result: Document) -> Document:
    """A customer who is refused because of an e-mail address is the one who has that address.

    Shops know one person by an id in one row and by the address alone in another, or by two ids.
    """
    problem = result.get("problem", {})
    holder = next((error.get("holder") for error in problem.get("errors", ())), None)
    if problem.get("type") == EMAIL_TAKEN and holder:
        return {"status": "unchanged", "id": holder, "shared": True}
    return result


def _outcome(kind: str, key: str, result: Document, *, guest: bool) -> Document:
    return {
        "kind": kind,
        "guest": guest,
        "key": key,
        "status": result["status"],
        "id": result.get("id"),
        "reason": _reason(result),
    }


def _staged(row: int, fields: list[str], outcome: Line | Rejection) -> Document:
    if isinstance(outcome, Line):
        return accepted_row(row, fields, outcome, buyer=grouping.customer_key(outcome))
    return rejected_row(row, fields, outcome)


def _batches(rows: Iterable[Read]) -> Iterator[list[Read]]:
    batch: list[Read] = []
    signs = 0
    for row in rows:
        batch.append(row)
        signs += sum(map(len, row[1]))
        if len(batch) == ROWS_AT_ONCE or signs >= CHARACTERS_AT_ONCE:
            yield batch
            batch, signs = [], 0
    if batch:
        yield batch
