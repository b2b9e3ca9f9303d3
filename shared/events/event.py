"""The form in which an event waits in a document's outbox and travels to its hearers."""

from dataclasses import MISSING, Field, asdict, dataclass, fields
from datetime import datetime
from functools import lru_cache
from types import UnionType
from typing import Any, ClassVar, Self, TypedDict, Union, get_args, get_origin, get_type_hints

from shared.identifiers import new_id


class EventMalformed(Exception):
    """What came is not an event as services send them; the message says in what way."""


class Origin(TypedDict, total=False):
    """Who made something happen, and by which way: the fields of an event that say so."""

    actor: dict[str, str] | None
    via: str | None
    batch: str | None


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

    actor: dict[str, str] | None = None
    """Who did it: `id` and `role` of a member of staff, or None where nobody did."""
    via: str | None = None
    """The service that acted for them, or None if they called by themselves."""
    batch: str | None = None
    """The piece of work in bulk calls that it came with, or None if it came alone."""

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """Read an event that a service sent, ignoring the fields that are not known here.

        :raises EventMalformed: a field is missing, or of another type than it has to be.
        """
        return cls(**_checked(cls, data))


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
    request_id: str | None = None
    """The request by which it happened, so that logs of all services can be read together."""

    @classmethod
    def check(cls, raw: object) -> dict[str, Any]:
        """What came out of a queue, as it came, if it is a delivery.

        :raises EventMalformed: it is not.
        """
        if not isinstance(raw, dict):
            raise EventMalformed(f"{cls.__name__} has to be an object.")
        _checked(cls, raw)
        return raw


def outbox_entries(
    events: tuple[Event, ...],
    hearers: dict[type[Event], tuple[str, ...]],
    *,
    now: datetime,
    request_id: str | None = None,
) -> list[dict[str, Any]]:
    """The entries that a document's outbox takes for `events`: one for each service that hears one.

    An entry for each hearer, not one with a list of hearers, so that a receipt is a plain `$pull`.
    """
    entries = []
    origin = {} if request_id is None else {"request_id": request_id}
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
                    **origin,
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
            request_id=entry.get("request_id"),
        )
    )


def _checked(cls: Any, data: dict[str, Any]) -> dict[str, Any]:
    """The fields of `data` that a dataclass knows, each of the type that it has there."""
    found = {}
    for field, hint in _hints(cls):
        if field.name not in data:
            if field.default is MISSING and field.default_factory is MISSING:
                raise EventMalformed(f"{cls.__name__}.{field.name} is missing.")
        elif not _fits(data[field.name], hint):
            raise EventMalformed(f"{cls.__name__}.{field.name} is of a wrong type.")
        else:
            found[field.name] = data[field.name]
    return found


@lru_cache
def _hints(cls: Any) -> tuple[tuple[Field[Any], Any], ...]:
    """The fields of a dataclass with their types. To work them out anew would cost each event."""
    hints = get_type_hints(cls)
    return tuple((field, hints[field.name]) for field in fields(cls))


def _fits(value: object, hint: Any) -> bool:
    """Whether a value that came as JSON is of a type."""
    origin, inner = get_origin(hint) or hint, get_args(hint)
    if origin is Any:
        return True
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is bool or isinstance(value, bool):
        return origin is bool and isinstance(value, bool)
    if origin in (list, tuple):
        return isinstance(value, list | tuple) and all(_fits(one, inner[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(one, inner[1]) for one in value.values())
    return isinstance(value, origin)
