"""Caller of a request. Knows neither tokens nor HTTP."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Caller:
    """A member of staff, and the service that acts for them, if one does.

    Two callers are the same whichever session and version of their rights they show.
    """

    id: str
    role: str
    via: str | None = None
    session: str | None = field(default=None, compare=False)
    """The session that the token belongs to; None in tokens of the release before."""
    version: int | None = field(default=None, compare=False)
    """The version of the user's rights in the token; None in tokens of the release before."""
