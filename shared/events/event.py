"""The form in which an event waits in a document's outbox and travels to its hearers."""

from dataclasses import MISSING, Field, dataclass, fields
from functools import lru_cache
from types import UnionType
from typing import Any, ClassVar, Self, TypedDict, Union, get_args, get_origin, get_type_hints


class EventMalformed(Exception):
    """What came is not an event as services send them; the message says in what way."""


class Provenance(TypedDict, total=False):
    """Who made something happen, and by which way: the fields of an event that say so."""

    actor: dict[str, str] | None
    via: str | None
    batch: str | None


NOBODY: Provenance = {}
"""The origin of what the system does by itself."""


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
