"""Copies of members of staff: role and state, but no name, which accounts alone has.

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
                "role": event.role,
                "active": event.active,
                "version": event.version,
            }
            for event in events
        ]
    )
