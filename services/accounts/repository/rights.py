"""Users as an admin changes them: each write is one transaction with the proof of being one.

The transaction also writes to the admin's own document, so of two admins who switch each other off
at the same moment one fails; and as nobody takes away their own rights, one active admin stays.
"""

from collections.abc import Callable
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database

from services.accounts.model import RightsLost
from services.accounts.repository.users import UserRepository
from shared.auth.caller import Caller
from shared.document import Document
from shared.events.event import Event
from shared.mongo.repository import Subscribers


class GuardedUserRepository(UserRepository):
    """Users; nobody writes who is no active admin at the moment of the write."""

    def __init__(
        self, database: Database[Document], subscribers: Subscribers | None, admin: Caller
    ) -> None:
        super().__init__(database, subscribers)
        self._admin = admin

    def change(
        self,
        id: str,
        fields: Document,
        *events: Event,
        version: int,
        where: Document | None = None,
        session: ClientSession | None = None,
    ) -> Document:
        """Set fields of a user who still has `version`.

        :raises RightsLost: the caller is no admin any more.
        :raises Stale: the user has another version.
        """
        write = super().change
        return self._as_admin(
            lambda held: write(id, fields, *events, version=version, where=where, session=held),
            within=session,
        )

    def _add(self, document: Document) -> Document:
        def write(held: ClientSession) -> Document:
            self.collection.insert_one(document, session=held)
            return self._shown(document, ("_id", *self.public))

        return self._as_admin(write)

    def _as_admin(
        self, write: Callable[[ClientSession], Document], *, within: ClientSession | None = None
    ) -> Document:
        def guarded(session: ClientSession) -> Document:
            self._hold_admin(session)
            return write(session)

        if within is not None:
            return guarded(within)
        with self.collection.database.client.start_session() as session:
            return session.with_transaction(guarded)

    def _hold_admin(self, session: ClientSession) -> None:
        who: dict[str, Any] = {"_id": self._admin.id, "role": "admin", "active": True}
        if self._admin.version is not None:
            who["token_version"] = _version(self._admin.version)
        # A write, and not a read, so that a change of this document meanwhile is a conflict. It
        # counts, for a write that changes nothing is none.
        held = self.collection.update_one(who, {"$inc": {"acts": 1}}, session=session)
        if held.matched_count == 0:
            raise RightsLost("You were an admin a moment ago, and are none any more.")


def _version(number: int) -> Any:
    # Users from before there were versions are of the first.
    return {"$in": [1, None]} if number == 1 else number
