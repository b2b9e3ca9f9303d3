"""Queries on tries to sign in. Knows neither users nor their addresses, only what stands for them.

One document for an account at an address, one for an account at all that are unknown to it, and one
for an address: `account.address`, `account.`, `.address`.
"""

import re
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

from pymongo.errors import DuplicateKeyError

from services.accounts import documents
from services.accounts.attempts import Attempts, Crowd, Pair
from shared.document import Document
from shared.mongo.repository import Repository

Counter = TypeVar("Counter", bound=Attempts)


class AttemptRepository(Repository):
    """Tries to sign in, counted."""

    collection_name = documents.SIGN_IN_ATTEMPTS.name
    public = ()

    def of(self, account: str, address: str, *, now: datetime) -> tuple[Pair, Crowd, Crowd]:
        """Tries for an account at an address, at all addresses unknown to it, and at the address.

        All in one question; none yet where nothing is stored.
        """
        ids = f"{account}.{address}", f"{account}.", f".{address}"
        found = {one["_id"]: one for one in self.collection.find({"_id": {"$in": list(ids)}})}
        pair, strangers, source = ids
        return (
            _read(Pair, pair, found.get(pair), now),
            _read(Crowd, strangers, found.get(strangers), now),
            _read(Crowd, source, found.get(source), now),
        )

    def again(self, counted: Counter) -> Counter:
        """What is stored by now of the same kind."""
        found = self.collection.find_one({"_id": counted.id})
        return _read(type(counted), counted.id, found, counted.expires_at)

    def put(self, after: Attempts, *, before: Attempts) -> bool:
        """Store tries over those they were made from; False if others were counted meanwhile."""
        fields = asdict(after)
        del fields["id"]
        try:
            written = self.collection.replace_one(
                {"_id": before.id, "revision": before.revision}, fields, upsert=True
            )
        except DuplicateKeyError:
            return False
        return bool(written.matched_count or written.upserted_id)

    def forget(self, account: str) -> None:
        """Start again with an account, at all addresses; where it is known it stays so."""
        start = {"failures": 0, "began_at": None, "in_burst": 0, "next_try_at": None}
        self.collection.update_many(
            {"_id": {"$regex": f"^{re.escape(account)}\\."}},
            {"$set": start, "$inc": {"revision": 1}},
        )


def _read(kind: type[Counter], id: str, document: Document | None, now: datetime) -> Counter:
    if document is None:
        return kind(id=id, expires_at=now)
    return kind(**{"id" if name == "_id" else name: value for name, value in document.items()})
