"""Users, sessions and the rules they obey.

Pure: no database, no clock, no framework, no cryptography.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from shared.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from shared.values.email import email_key

SESSION_LASTS = timedelta(days=30)
DELEGATION_LASTS = timedelta(hours=24)
GRACE = timedelta(seconds=10)
"""The time for which a refresh token that was just replaced still works.

An answer may get lost on its way.
"""

FREE_TRIES = 5
MAX_WAIT = timedelta(minutes=5)


class EmailTaken(Conflict):
    """Another user already has this e-mail address."""


class NoSuchUser(NotFound):
    """There is no user with this id."""


class OwnRightsKept(Conflict):
    """Nobody may take away their own rights; so one admin always stays."""


class RightsLost(Forbidden):
    """Whoever asks was an admin a moment ago, and is none any more."""


class NoSuchDelegation(NotFound):
    """There is no such delegation, or it has ended."""


class SignInRefused(Unauthenticated):
    """The e-mail address or the password is wrong. Which one is not said."""


class PasswordOneTime(Forbidden):
    """The password was set by somebody else and works once, to choose another with it."""


class PasswordNotOneTime(Conflict):
    """The password is the user's own, so signing in does not change it."""


class PasswordWrong(Invalid):
    """The old password is not that of the caller."""


class SessionEnded(Unauthenticated):
    """The refresh token no longer works."""


@dataclass(frozen=True, kw_only=True)
class User:
    """A member of staff.

    Tokens and sessions count that carry the present `…_version`; those of the release before carry
    none, and count if they are no older than `…_void_before`.
    """

    id: str
    email: str
    name: str
    role: str
    active: bool = True
    password_hash: str
    password_is_one_time: bool = False
    tokens_void_before: datetime
    sessions_void_before: datetime
    created_at: datetime
    updated_at: datetime
    version: int = 1
    token_version: int = 1
    session_version: int = 1

    @property
    def email_key(self) -> str:
        """The address as it is compared."""
        return email_key(self.email)

    def changed(self, *, now: datetime, **changes: Any) -> Self:
        """The user with `changes` made at `now`.

        A new role voids tokens; a new password or leaving, sessions too.
        """
        after = replace(self, **changes, updated_at=now)
        ends_sessions = after.password_hash != self.password_hash or after.active != self.active
        if ends_sessions or after.role != self.role:
            after = replace(after, tokens_void_before=now, token_version=self.token_version + 1)
        if ends_sessions:
            after = replace(
                after, sessions_void_before=now, session_version=self.session_version + 1
            )
        return after


@dataclass(frozen=True, kw_only=True)
class Session:
    """A sign-in that lasts, or a delegation to a service that acts for the user (`via`).

    A delegation is the child of the session that made it (`parent`), and ends with it. Sessions of
    the release before have no `version`, and their delegations no `parent`.
    """

    id: str
    user_id: str
    via: str | None
    created_at: datetime
    expires_at: datetime
    version: int | None = None
    parent: str | None = None
    seed: str | None = None
    """What the next refresh token is derived from, together with the one before it."""

    def is_of(self, user: User) -> bool:
        """True if the user is still active, with the password that the session began with."""
        if not user.active:
            return False
        if self.version is None:
            return user.session_version == 1 and self.created_at >= user.sessions_void_before
        return self.version == user.session_version


def wait_after(failures: int) -> timedelta:
    """The time for which an account refuses another try, after so many wrong passwords in a row.

    Doubling from one second and never for good, so that a guesser is slowed down and cannot lock
    the owner out.
    """
    if failures < FREE_TRIES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - FREE_TRIES, 20)), MAX_WAIT)
