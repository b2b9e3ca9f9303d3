"""What customers does when a service speaks, itself included: functions of repositories, events."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from services.customers.model import journal_entries
from services.customers.model.journal import Entry
from services.customers.operations import activity
from services.customers.operations.activity import ActivityRepositories
from services.customers.repository.journal import JournalRepository
from services.customers.repository.staff import StaffRepository
from shared.events.contracts import OrderState, UserState, VisitorTied

Told = TypeVar("Told")


def keep_staff_copies(staff: StaffRepository, events: Sequence[UserState]) -> None:
    """Keep a card of each member of staff, so that what they did can be shown with their name."""
    staff.keep(
        [
            {
                "_id": event.user_id,
                "name": event.name,
                "role": event.role,
                "active": event.active,
                "version": event.version,
            }
            for event in events
        ]
    )


def note(
    journal: JournalRepository,
    entries_of: Callable[[Told], Sequence[Entry]],
    events: Sequence[Told],
) -> None:
    """Write in the journal what events say."""
    journal.add_all([entry for event in events for entry in entries_of(event)])


def note_orders(journal: JournalRepository, events: Sequence[OrderState]) -> None:
    """Write in the journals of those who ordered what became of their orders.

    Guest orders belong to nobody. Orders that came with an import also say that it touched their
    customers.
    """
    found: dict[str, Entry] = {}
    for event in events:
        if event.customer_id is not None:
            entry = journal_entries.of_order(event, event.customer_id)
            found[entry.id] = entry
            if event.batch is not None:
                happened_at = datetime.fromisoformat(event.occurred_at)
                touched = journal_entries.imported(
                    event.batch, event.customer_id, happened_at, actor=event.actor
                )
                found.setdefault(touched.id, touched)
    journal.add_all(list(found.values()))


def bring_views(into: ActivityRepositories, events: Sequence[VisitorTied]) -> None:
    """Take what visitors looked at before into the journals of those who they turned out to be."""
    for event in events:
        activity.bring_views(into, event.visitor_id, event.customer_id)
