"""Accounts: the staff's log-ins, their roles, and the keys that sign every token.

Owns users, sessions and signing keys. Publishes every change to a user; subscribes to nothing.
"""

from shared.events.contracts import UserChanged, UserRegistered, UserRestated
from shared.events.event import Event

PUBLISHES: dict[type[Event], tuple[str, ...]] = {
    UserRegistered: ("customers",),
    UserChanged: ("customers",),
    UserRestated: ("customers",),
}
SUBSCRIBES: tuple[type[Event], ...] = ()
