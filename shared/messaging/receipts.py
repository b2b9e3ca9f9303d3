"""Receipts: a consumer sends them for settled events; the sender then takes the events out.

A receipt is `[collection, document id, event id]`, in the task `<service>.confirm`. One that gets
lost is asked for by sending the event again. They are signed, for a forged one would lose an event.
"""

from collections import defaultdict

import structlog
from celery import Celery
from pymongo import UpdateOne
from pymongo.database import Database

from shared.document import Document
from shared.events.signature import Signer
from shared.messaging import broker
from shared.messaging.broker import BROKER_OUTAGES

log = structlog.get_logger(__name__)


def send(celery: Celery, settled: list[Document], *, subscriber: str, signer: Signer) -> None:
    """Send each sender the receipts of those of its events that are settled."""
    receipts: dict[str, list[list[str]]] = defaultdict(list)
    for delivery in settled:
        # A forged or malformed one may not name its source.
        if delivery.keys() >= {"sender", "collection", "document_id"}:
            receipts[delivery["sender"]].append(
                [delivery["collection"], delivery["document_id"], delivery["id"]]
            )
    for sender, group in receipts.items():
        try:
            # Workers of the last release know the subscriber in a message as `hearer`.
            content = {"receipts": group, "hearer": subscriber}
            signature = signer.sign("receipts", sender, content)
            broker.send(celery, "confirm", queue=sender, **content, signature=signature)
        except BROKER_OUTAGES as error:
            log.warning(
                "receipt_not_sent", service=subscriber, to=sender, reason=type(error).__name__
            )


def are_genuine(
    receipts: object, hearer: object, signature: object, *, sender: str, signer: Signer
) -> bool:
    """True if one of us made these receipts, for the events of this sender, just as they are."""
    content = {"receipts": receipts, "hearer": hearer}
    return signer.has_signed(signature, "receipts", sender, content)


def confirm(database: Database[Document], receipts: list[list[str]], *, subscriber: str) -> None:
    """Take events out of their documents, now that `subscriber` has settled them.

    Confirming twice does nothing.
    """
    updates: dict[str, list[UpdateOne]] = defaultdict(list)
    for collection, document_id, event_id in receipts:
        updates[collection].append(
            UpdateOne(
                {"_id": document_id}, {"$pull": {"outbox": {"id": event_id, "to": subscriber}}}
            )
        )
    for collection, operations in updates.items():
        database[collection].bulk_write(operations, ordered=False)
