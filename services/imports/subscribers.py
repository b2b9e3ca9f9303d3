"""Handles the event that a step of an import is due. Knows no queue."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.imports.context import ImportContext
from services.imports.steps import clean_up, failed, next_step, run_step
from shared.api_client import ApiUnreachable
from shared.errors import Stale
from shared.events.contracts import ImportAdvanced
from shared.messaging.consumer import RetryLater


def go_on(context: ImportContext, events: Sequence[ImportAdvanced]) -> None:
    """Do the steps that are due.

    :raises RetryLater: another worker has the step in hand, or a service that it needs is away.
    """
    for event in events:
        _go_on(context, event)


def end_dead_lettered(context: ImportContext, event: ImportAdvanced, error: str) -> None:
    """End the import whose event was dead-lettered: its step failed every time."""
    sentence = (
        f"A step failed again and again ({error}). What was done stays; "
        "importing the file again goes on from there."
    )
    if context.jobs.is_waiting(event.import_id, step=event.step):
        context.jobs.advance(
            event.import_id,
            step=event.step,
            fields=failed(sentence),
            event=next_step(event.import_id, event.step),
        )


def _go_on(context: ImportContext, event: ImportAdvanced) -> None:
    job = context.jobs.lease(event.import_id, step=event.step, now=datetime.now(UTC))
    try:
        if job is not None:
            run_step(context, job)
        elif context.jobs.is_waiting(event.import_id, step=event.step):
            raise RetryLater("Another worker has this step in hand.")
        elif context.jobs.has_ended(event.import_id):
            clean_up(context, event.import_id)
    except ApiUnreachable as error:
        raise RetryLater(str(error)) from error
    except Stale as error:
        raise RetryLater("Another worker has taken over this import.") from error
