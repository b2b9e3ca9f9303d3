"""Private values of a service's own events: read where they wait, when the event is handled.

They never travel. The event names the document and the entry of its outbox that hold them, and both
are in the database of the one service that may handle it. Knows no handler.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import structlog
from pymongo.database import Database

from shared.document import Document
from shared.events.event import Event

log = structlog.get_logger(__name__)

_Place = tuple[str, str, str]


def restored(
    database: Database[Document],
    deliveries: Sequence[Document],
    events: Mapping[str, type[Event]],
    *,
    service: str,
) -> list[Document]:
    """The deliveries, with the values that stayed at home.

    Left out is one that no longer waits where it says: it has been settled, so a receipt is not
    needed, and there is nothing to handle. If it waits after all it comes again.
    """
    private = {
        one["id"] for one in deliveries if one["sender"] == service and _names(one["name"], events)
    }
    if not private:
        return list(deliveries)
    waiting = _waiting(database, [one for one in deliveries if one["id"] in private], service)
    whole, gone = [], []
    for delivery in deliveries:
        if delivery["id"] not in private:
            whole.append(delivery)
        elif (kept := waiting.get(_place(delivery))) is None:
            gone.append(delivery["id"])
        else:
            values = {name: kept[name] for name in _names(delivery["name"], events) if name in kept}
            whole.append({**delivery, "data": {**delivery["data"], **values}})
    if gone:
        log.info("events_settled_before", service=service, event_ids=gone)
    return whole


def _names(event: str, events: Mapping[str, type[Event]]) -> frozenset[str]:
    """The private fields of an event; none of one that is not known here."""
    return events[event].PRIVATE if event in events else frozenset()


def _waiting(
    database: Database[Document], deliveries: Sequence[Document], service: str
) -> dict[_Place, Document]:
    """The data of all that waits for the service in the documents of these deliveries."""
    ids: dict[str, set[str]] = defaultdict(set)
    for delivery in deliveries:
        ids[delivery["collection"]].add(delivery["document_id"])
    return {
        (collection, document["_id"], entry["id"]): entry["data"]
        for collection, wanted in ids.items()
        for document in database[collection].find({"_id": {"$in": list(wanted)}}, {"outbox": 1})
        for entry in document.get("outbox", ())
        if entry["to"] == service
    }


def _place(delivery: Document) -> _Place:
    return delivery["collection"], delivery["document_id"], delivery["id"]
