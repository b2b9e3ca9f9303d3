"""The form in which an event waits in a document's outbox and travels to its hearers."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, Self

from shared.identifiers import new_id


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. Subclasses are named in the past tense and hold only JSON values.

    An event carries the state after the change and the document's version, so that a hearer
    may receive it twice, late or out of order and still end up right.
    """

    schema: ClassVar[int] = 1
    """Raised when a field changes its meaning. Fields may be added without raising it."""

    version: int
    occurred_at: str

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """Read an event that a service sent, ignoring the fields that are not known here."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event on its way to one service: what is in the envelope around the event's data."""

    id: str
    name: str
    schema: int
    sender: str
    collection: str
    document_id: str
    data: dict[str, Any]


def outbox_entries(
    events: tuple[Event, ...], hearers: dict[type[Event], tuple[str, ...]], *, now: datetime
) -> list[dict[str, Any]]:
    """The entries that a document's outbox takes for `events`: one for each service that hears one.

    An entry for each hearer, not one with a list of hearers, so that a receipt is a plain `$pull`.
    """
    entries = []
    for event in events:
        event_id = new_id()
        for hearer in hearers[type(event)]:
            entries.append(
                {
                    "id": event_id,
                    "to": hearer,
                    "name": type(event).__name__,
                    "schema": event.schema,
                    "data": asdict(event),
                    "sent": 0,
                    "due_at": now,
                }
            )
    return entries


def delivery(
    entry: dict[str, Any], *, sender: str, collection: str, document_id: str
) -> dict[str, Any]:
    """An outbox entry as the message that carries it."""
    return asdict(
        Delivery(
            id=entry["id"],
            name=entry["name"],
            schema=entry["schema"],
            sender=sender,
            collection=collection,
            document_id=document_id,
            data=entry["data"],
        )
    )
