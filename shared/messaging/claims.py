"""Claims due events for one relay: finds them, and pushes their `due_at` ahead before publishing.

A claim is a change of the document in which the event waits, so of two relays that find an event
one gets it, and a relay that dies leaves nothing to clean up. Knows no broker.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from shared import clock
from shared.document import Document
from shared.events.outbox import OUTBOX_INDEX
from shared.messaging.retries import resend_delay
from shared.mongo.client import deadline, write_errors

log = structlog.get_logger(__name__)

DOCUMENTS_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An event of a document that this relay is about to publish."""

    document_id: str
    entry: Document
    """As it was in the outbox before."""
    resend_at: datetime
    """The time to send again if no receipt comes, by which the relay knows the claim as its own."""


class Claims:
    """The due events of one service, and the claims of one relay on them."""

    def __init__(self, service: str, database: Database[Document]) -> None:
        self._service = service
        self._database = database
        self._refused: set[str] = set()

    def find_due(self, name: str, subscriber: str, now: datetime) -> list[tuple[str, Document]]:
        """Id and entry of what is due for `subscriber` in a collection, the oldest first."""
        # Both conditions on one entry, or the index would be read for all that waits for anybody.
        query = {"outbox": {"$elemMatch": {"to": subscriber, "due_at": {"$lte": now}}}}
        with deadline():
            documents = list(
                self._database[name]
                .find(query, {"outbox": 1})
                # Read in the order of the index, which is the order due. To sort by a field of an
                # array the server would read everything that waits, every time.
                .hint(OUTBOX_INDEX.document["name"])
                .limit(DOCUMENTS_AT_ONCE)
            )
        return [
            (document["_id"], entry)
            for document in documents
            for entry in document["outbox"]
            if entry["to"] == subscriber and entry["due_at"] <= now
        ]

    def claim(self, name: str, due: Sequence[tuple[str, Document]], now: datetime) -> list[Claim]:
        """Push `due_at` ahead before publishing; returns what another relay has not claimed first.

        What is claimed and then never published, because this process dies, goes out when that
        time has come.
        """
        # To the millisecond, or nothing of what the database holds would be known as ours.
        now = clock.as_kept(now)
        # By a fraction of a second of its own each claim is told from one made at the same moment.
        mark = timedelta(milliseconds=random.randrange(1_000))  # noqa: S311 - guards nothing.
        claims = [
            Claim(
                document_id=document_id,
                entry=entry,
                resend_at=now + resend_delay(entry["sent"] + 1) + mark,
            )
            for document_id, entry in due
        ]
        if not claims:
            return []
        with deadline():
            try:
                outcome = self._database[name].bulk_write(
                    [_moved(claim, claim.entry["due_at"], claim.resend_at, 1) for claim in claims],
                    ordered=False,
                )
            except BulkWriteError as error:
                # A document that breaks the rules of its collection must not hold up the others.
                ids = {claims[failure["index"]].document_id for failure in write_errors(error)}
                if new := ids - self._refused:
                    log.error("events_not_claimable", service=self._service, document_ids=list(new))
                self._refused |= new
            else:
                if outcome.modified_count == len(claims):
                    return claims
            return self._won(name, claims)

    def release(self, name: str, claims: Sequence[Claim]) -> None:
        """Make due again what was claimed and could not be published."""
        with deadline():
            self._database[name].bulk_write(
                [_moved(claim, claim.resend_at, claim.entry["due_at"], -1) for claim in claims],
                ordered=False,
            )

    def _won(self, name: str, claims: Sequence[Claim]) -> list[Claim]:
        """Those of the claims that the database holds as ours."""
        held = {
            (document["_id"], entry["id"], entry["to"], entry["due_at"])
            for document in self._database[name].find(
                {"_id": {"$in": [claim.document_id for claim in claims]}}, {"outbox": 1}
            )
            for entry in document["outbox"]
        }
        return [
            claim
            for claim in claims
            if (claim.document_id, claim.entry["id"], claim.entry["to"], claim.resend_at) in held
        ]


def _moved(claim: Claim, due_at: datetime, becomes: datetime, sent: int) -> UpdateOne:
    """The change of an entry from one `due_at` to another, if it still has the first."""
    return UpdateOne(
        {"_id": claim.document_id},
        {"$set": {"outbox.$[entry].due_at": becomes}, "$inc": {"outbox.$[entry].sent": sent}},
        array_filters=[
            {
                "entry.id": claim.entry["id"],
                "entry.to": claim.entry["to"],
                "entry.due_at": due_at,
            }
        ],
    )
