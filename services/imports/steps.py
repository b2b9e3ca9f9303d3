"""Runs an import step by step: stage rows, send customers, send orders, reconcile.

A step lasts some seconds and ends by saying, as an event, that the next is due. Whatever kills a
worker, the event comes again; what was done is noted often, and everything is safe to do twice.
"""

import time
from contextlib import suppress
from datetime import UTC, datetime

from services.imports.context import ImportContext
from services.imports.reading.errors import FileUnreadable
from services.imports.sealing import SealBroken
from services.imports.sending import send_customers, send_orders
from services.imports.staging import stage
from shared.api_client import ApiRefused
from shared.document import Document
from shared.events.contracts import ImportAdvanced

STEP_SECONDS = 15.0
_ASK_AGAIN = "What was done stays; ask for it again, and it goes on from there."


def run_step(context: ImportContext, job: Document) -> None:
    """Do one step of a job that was leased, and say that the next is due.

    :raises Stale: another worker has taken the job over.
    :raises ApiUnreachable: a service does not answer.
    """
    phases = {"staging": stage, "customers": send_customers, "orders": send_orders}
    try:
        fields = phases[job["state"]](context, job, time.monotonic() + STEP_SECONDS)
    except FileUnreadable as error:
        fields = failed(str(error))
    except SealBroken:
        fields = failed(f"What lets this import act for whoever asked cannot be read. {_ASK_AGAIN}")
    except ApiRefused as error:
        fields = _refused(error)
    context.jobs.advance(
        job["_id"], step=job["step"], fields=fields, event=next_step(job["_id"], job["step"])
    )


def clean_up(context: ImportContext, job_id: str) -> None:
    """Delete what an import that has ended needs no more: accepted rows, the delegation.

    :raises ApiUnreachable: accounts does not answer.
    """
    delegation = context.jobs.delegation(job_id)
    context.rows.forget_accepted(job_id)
    if delegation is not None:
        # One that cannot be opened any more ends by itself, after a day at most.
        with suppress(SealBroken):
            context.leave(delegation)
        context.jobs.forget_delegation(job_id)


def _refused(error: ApiRefused) -> Document:
    """The fields of a job whose asker is refused.

    :raises ApiRefused: it is refused for another reason than who asks.
    """
    if error.status == 401:
        return failed(
            "Who asked for this import signed out, left, or has a new password, so it was stopped. "
            f"{_ASK_AGAIN} ({error})"
        )
    if error.status == 403:
        return failed(f"Whoever asked for this import may no longer do so: {error}")
    raise error


def failed(failure: str) -> Document:
    """The fields of a job that ends without a result; `failure` is a sentence for whoever asked."""
    return {"state": "failed", "failure": failure[:1_000]}


def next_step(job_id: str, step: int) -> ImportAdvanced:
    """The event that has the step after `step` done."""
    return ImportAdvanced(
        import_id=job_id, step=step + 1, version=step + 1, occurred_at=datetime.now(UTC).isoformat()
    )
