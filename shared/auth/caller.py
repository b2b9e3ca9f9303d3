"""Caller of a request. Knows neither tokens nor HTTP."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """A member of staff, and the service that acts for them, if one does."""

    id: str
    role: str
    via: str | None = None
