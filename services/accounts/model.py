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
    """A member of staff. Tokens and sessions from before their `…_void_before` no longer count."""

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

    @property
    def email_key(self) -> str:
        """The address as it is compared."""
        return email_key(self.email)

    def changed(self, *, now: datetime, **changes: Any) -> Self:
        """The user with `changes` made at `now`.

        A new role voids tokens; a new password or leaving, sessions too.
        """
        after = replace(self, **changes, updated_at=now)
        if after.role != self.role:
            after = replace(after, tokens_void_before=now)
        if after.password_hash != self.password_hash or after.active != self.active:
            after = replace(after, tokens_void_before=now, sessions_void_before=now)
        return after


@dataclass(frozen=True, kw_only=True)
class Session:
    """A sign-in that lasts, or a delegation to a service that acts for the user (`via`)."""

    id: str
    user_id: str
    via: str | None
    created_at: datetime
    expires_at: datetime


def wait_after(failures: int) -> timedelta:
    """The time for which an account refuses another try, after so many wrong passwords in a row.

    Doubling from one second and never for good, so that a guesser is slowed down and cannot lock
    the owner out.
    """
    if failures < FREE_TRIES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - FREE_TRIES, 20)), MAX_WAIT)
