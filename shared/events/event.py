"""Base class of every event: state after a change, as plain JSON data. Knows no client."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypedDict, TypeVar

import msgspec

from shared.failures import Plain

Kind = TypeVar("Kind")


class EventMalformed(Plain):
    """Data that is not an event as services send them; the message says in what way."""


class Provenance(TypedDict, total=False):
    """The fields of an event that say who made it happen, and by which way."""

    actor: dict[str, str] | None
    via: str | None
    batch: str | None


NOBODY: Provenance = {}
"""The provenance of what the system does by itself."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. Subclasses are named in the past tense and hold only JSON values.

    An event carries the state after the change and the document's version, so that a consumer
    may receive it twice, late or out of order and still end up right.
    """

    schema: ClassVar[int] = 1
    """Raised when a field changes its meaning. Fields may be added without raising it."""
    PRIVATE: ClassVar[frozenset[str]] = frozenset()
    """The fields that never leave the publisher's database, as they hold values of a person.

    Only the publisher itself may subscribe to such an event: it reads them where they wait.
    """
    EMPTIED: ClassVar[dict[str, Any]] = {}
    """The fields that the last release had, and what they are sent with to workers of that one.

    Entries that it left in outboxes have them with values, which are sent no more.
    """

    version: int
    occurred_at: str

    actor: dict[str, str] | None = None
    """The acting member of staff, as `id` and `role`, or None where nobody acted."""
    via: str | None = None
    """The service that acted for them, or None if they called by themselves."""
    batch: str | None = None
    """The piece of work in bulk calls that it came with, or None if it came alone."""

    @classmethod
    def as_sent(cls, data: dict[str, Any]) -> dict[str, Any]:
        """What travels of an event's data: everything but what is private."""
        return {name: data[name] for name in data if name not in cls.PRIVATE} | cls.EMPTIED

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """Read an event that a service sent, ignoring the fields that are not known here.

        :raises EventMalformed: a field is missing, or of another type than it has to be.
        """
        return convert(data, cls)


def convert(raw: object, kind: type[Kind]) -> Kind:
    """An instance of a dataclass from JSON data; fields that it does not have are ignored.

    :raises EventMalformed: a field is missing, or of another type than it has to be.
    """
    try:
        return msgspec.convert(raw, kind)
    except (msgspec.ValidationError, UnicodeError) as error:
        raise EventMalformed(f"{kind.__name__}: {error}") from error
