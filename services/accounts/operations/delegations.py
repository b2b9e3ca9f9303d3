"""Operations on delegations: what lets a service act for somebody. Knows neither HTTP nor MongoDB.

A delegation is the child of the session that made it, and ends with it.
"""

from datetime import datetime

from services.accounts import crypto
from services.accounts.model import DELEGATION_LASTS, NoSuchDelegation, Session
from services.accounts.operations.sessions import Accounts, begin
from shared.auth.caller import Caller
from shared.document import Document
from shared.errors import Forbidden, TooMany, Unauthenticated


def delegate(accounts: Accounts, caller: Caller, *, to: str, now: datetime) -> Document:
    """Tokens with which a service may act for the caller for up to a day.

    For work that outlasts an access token.

    :raises Forbidden: the caller is itself such a service.
    :raises Unauthenticated: the caller's session has ended.
    :raises TooMany: the caller has too many of them, or had until a moment ago.
    """
    if caller.via is not None:
        raise Forbidden("A service that acts for somebody cannot pass that on.")
    # Tokens of the release before name no session; those who have one refresh it.
    found = None if caller.session is None else accounts.sessions.find_session(caller.session)
    if found is None:
        raise Unauthenticated("The token belongs to no session; refresh it, or sign in again.")
    parent, _ = found
    if accounts.sessions.has_many(parent, now=now):
        raise TooMany("You have too many delegations; end some, and wait.", retry_after=60)
    session = Session(
        id=crypto.new_session_id(),
        user_id=caller.id,
        via=to,
        created_at=now,
        expires_at=min(now + DELEGATION_LASTS, parent.expires_at),
        version=parent.version,
        parent=parent.id,
    )
    return begin(accounts, session, now=now)


def list_for(
    accounts: Accounts, caller: Caller, *, user_id: str | None, now: datetime
) -> list[Document]:
    """The delegations that still work: the caller's own; for an admin a user's, or all.

    :raises Forbidden: the caller asks for somebody else's, and is no admin.
    """
    if caller.role != "admin":
        if user_id not in {None, caller.id}:
            raise Forbidden("Only an admin may see the delegations of others.")
        user_id = caller.id
    found = accounts.sessions.delegations(user_id, now=now)
    versions = accounts.users.session_versions({one["user_id"] for one in found})
    # Those of the release before have no version. The others end with their user's password.
    return [one for one in found if one.get("version") in {None, versions.get(one["user_id"])}]


def end(accounts: Accounts, caller: Caller, id: str, *, now: datetime) -> None:
    """End a delegation of the caller's; an admin may end anybody's.

    :raises NoSuchDelegation: there is none, or it is not the caller's.
    """
    owner = accounts.sessions.delegation_owner(id)
    if owner is None or (owner != caller.id and caller.role != "admin"):
        raise NoSuchDelegation("There is no delegation with this id.")
    accounts.sessions.end(id, now=now)
