"""What imports does when it hears that a step of an import is due."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.imports.work import Desk, work
from shared.api_client import ApiUnreachable
from shared.errors import Stale
from shared.events.contracts import ImportAdvanced
from shared.worker import NotNow


def go_on(desk: Desk, events: Sequence[ImportAdvanced]) -> None:
    """Do the steps that are due.

    :raises NotNow: another worker has the step in hand, or a service that it needs is away.
    """
    for event in events:
        _go_on(desk, event)


def give_up(desk: Desk, event: ImportAdvanced, error: str) -> None:
    """End a job whose step fails every time, so that whoever asked is told."""
    desk.jobs.fail(
        event.import_id,
        failure=(
            f"A step failed again and again ({error}). What was done stays; "
            "importing the file again goes on from there."
        ),
    )


def _go_on(desk: Desk, event: ImportAdvanced) -> None:
    job = desk.jobs.lease(event.import_id, step=event.step, now=datetime.now(UTC))
    if job is None:
        if desk.jobs.is_waiting(event.import_id, step=event.step):
            raise NotNow("Another worker has this step in hand.")
        return
    try:
        work(desk, job)
    except ApiUnreachable as error:
        raise NotNow(str(error)) from error
    except Stale as error:
        raise NotNow("Another worker has taken over this import.") from error
