"""Sends the staged customers and orders of an import, and keeps each outcome. Knows no file."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from services.imports.context import ImportContext
from services.imports.model import grouping, reconciliation
from services.imports.model.lines import Line, Unfit
from services.imports.reading.mapping import Mapping
from services.imports.shop_client import Shop, problem_text
from shared.document import Document

MAX_ENTRIES = 500
"""Customers or orders in one call."""
MAX_LINES = 6_000
"""Lines of orders in one call. It keeps a call around a second and a body around a megabyte."""
EMAIL_TAKEN = "urn:kith:problem:email-taken"


def send_customers(context: ImportContext, job: Document, until: float) -> Document:
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


def send_orders(context: ImportContext, job: Document, until: float) -> Document:
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


def in_batches(groups: Iterable[tuple[str, list[Any]]]) -> Iterator[list[tuple[str, list[Any]]]]:
    """Groups of lines in batches that one call can carry."""
    batch: list[tuple[str, list[Any]]] = []
    lines = 0
    for group in groups:
        if batch and (len(batch) == MAX_ENTRIES or lines + len(group[1]) > MAX_LINES):
            yield batch
            batch, lines = [], 0
        batch.append(group)
        lines += len(group[1])
    if batch:
        yield batch
