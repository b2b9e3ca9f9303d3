"""Faults of a document, as the refusal that names them: few enough, and each short enough, to read.

What a caller sent does not come back whole.
"""

from collections.abc import Iterator
from typing import Any

from shared.errors import FieldError, Invalid
from shared.web.schemas import MAX_ERRORS, More

MAX_NAME = 100
"""How many characters of a name are repeated."""

_MAX_MESSAGE = 500


def refusal_of(messages: Any) -> Invalid:
    """marshmallow's nested messages as a refusal with one entry for each field."""
    errors: list[FieldError] = []
    more = 0
    for found in _flatten(messages, ()):
        if isinstance(found, int):
            more += found
        elif len(errors) < MAX_ERRORS:
            errors.append(found)
        else:
            more += 1
    return Invalid("Some fields are not as they should be.", errors=tuple(errors), more_errors=more)


def _flatten(messages: Any, path: tuple[str, ...]) -> Iterator[FieldError | int]:
    """Each fault, or how many more there are."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            if isinstance(key, More):
                yield key.names
            else:
                name = () if key == "_schema" else (_short(str(key), MAX_NAME),)
                yield from _flatten(inner, (*path, *name))
    else:
        text = " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
        yield FieldError(".".join(path) or "body", _short(text, _MAX_MESSAGE))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"
