"""Revocations: which users' tokens are void, and which sessions have ended. Knows no HTTP.

Published to everybody who can reach accounts, so ids appear as hashes. What a token must have is
compared by version, never by time; tokens of the release before carry no version and go by time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Self

from shared.auth.caller import Caller
from shared.identifiers import is_id


@lru_cache(maxsize=20_000)
def mark(id: str) -> str:
    """The id of a user or a session as it is published: recognised by who knows it, and no other.

    The ids have random parts that nobody guesses.
    """
    return sha256(id.encode()).hexdigest()


@dataclass(frozen=True)
class Revocations:
    """Void tokens, by the marks of users and sessions."""

    versions: Mapping[str, int] = field(default_factory=dict)
    """For each user the version that a token must at least have."""
    before: Mapping[str, float] = field(default_factory=dict)
    """For each user the time before which tokens without a version are void."""
    sessions: frozenset[str] = frozenset()
    """Sessions that have ended."""

    @classmethod
    def read(cls, published: Mapping[str, Any]) -> Self:
        """The revocations in what accounts publishes, of this release or the one before.

        :raises ValueError, TypeError, AttributeError: it is something else.
        """
        return cls(
            versions={mark: int(least) for mark, least in published.get("versions", {}).items()},
            before={_marked(user): float(at) for user, at in published.get("users", {}).items()},
            sessions=frozenset(map(str, published.get("sessions", ()))),
        )

    def cover(self, caller: Caller, *, issued_at: float) -> bool:
        """True if this caller's token is void."""
        if caller.session is not None and mark(caller.session) in self.sessions:
            return True
        user = mark(caller.id)
        if caller.version is None:
            return issued_at < self.before.get(user, 0)
        return caller.version < self.versions.get(user, 0)


def published_form(users: Mapping[str, tuple[int, float]], sessions: list[str]) -> dict[str, Any]:
    """What accounts publishes of users (their version, and the time of the change) and sessions."""
    return {
        "users": {mark(user): before for user, (_, before) in users.items()},
        "versions": {mark(user): version for user, (version, _) in users.items()},
        "sessions": [mark(session) for session in sessions],
    }


def _marked(user: str) -> str:
    # The release before publishes ids in clear; its accounts may answer until it is replaced, too.
    return mark(user) if is_id(user) else user
