"""Who is asking: the caller of a request, cut loose from tokens and from HTTP."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """A member of staff, and the service that acts for them, if one does."""

    id: str
    role: str
    via: str | None = None
