"""Checks who calls accounts, at each request against its own database. Knows no HTTP.

Other services learn within five seconds what was revoked; accounts, where rights are given and
taken, knows at once.
"""

from datetime import datetime

from services.accounts.model import NoSuchUser, User
from services.accounts.operations.sessions import Accounts
from services.accounts.repository import sessions
from shared import clock
from shared.auth.caller import Caller
from shared.auth.keyring import Keyring, Published
from shared.auth.tokens import TokenVerifier
from shared.errors import Forbidden, Unauthenticated


class OwnVerifier(TokenVerifier):
    """Turns an access token into a caller who is known to be one now."""

    def __init__(self, accounts: Accounts) -> None:
        super().__init__(Keyring(lambda: _published(accounts)))
        self._accounts = accounts

    def caller(self, token: str) -> Caller:
        """The caller whom this token speaks for.

        :raises Unauthenticated: it is not valid, or not any more.
        :raises Forbidden: it was given to a service that acts for somebody.
        """
        found = super().caller(token)
        check(self._accounts, found, now=clock.now())
        return found


def check(accounts: Accounts, caller: Caller, *, now: datetime) -> None:
    """Make sure that a caller may still do what their token says.

    :raises Unauthenticated: the session has ended, or the user has changed since.
    :raises Forbidden: the caller is a service that acts for somebody: it can give out no rights.
    """
    try:
        user = accounts.users.get_user(caller.id)
    except NoSuchUser as error:
        raise Unauthenticated("The token was revoked; sign in again.") from error
    ended = caller.session is not None and not accounts.sessions.is_live(caller.session, now=now)
    if ended or not _has_rights(user, caller):
        raise Unauthenticated("The token was revoked; sign in again.")
    if caller.via is not None:
        raise Forbidden(
            "A service that acts for somebody has no rights here, and cannot pass that on."
        )


def _has_rights(user: User, caller: Caller) -> bool:
    # A token of the release before carries no version, and goes by time, as everywhere.
    is_present = caller.version in {None, user.token_version}
    return user.active and user.role == caller.role and is_present


def _published(accounts: Accounts) -> Published:
    return sessions.published(accounts.keys, accounts.users, accounts.sessions, now=clock.now())
