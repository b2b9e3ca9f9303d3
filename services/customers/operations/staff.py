"""Copies of members of staff, so that what they did can be shown with their name.

Knows neither HTTP nor MongoDB.
"""

from collections.abc import Sequence

from services.customers.repository.staff import StaffRepository
from shared.events.contracts import UserState


def keep_copies(staff: StaffRepository, events: Sequence[UserState]) -> None:
    """Keep a copy of each member of staff, unless a newer one is kept."""
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
