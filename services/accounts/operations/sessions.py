"""Operations on sessions: sign in, refresh, delegate, sign out. Knows neither HTTP nor MongoDB."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from services.accounts import crypto
from services.accounts.model import (
    DELEGATION_LASTS,
    GRACE,
    SESSION_LASTS,
    Session,
    SessionEnded,
    SignInRefused,
    User,
    wait_after,
)
from services.accounts.repository.sessions import KeyRepository, SessionRepository
from services.accounts.repository.users import UserRepository
from shared.auth.caller import Caller
from shared.auth.tokens import ACCESS_SECONDS
from shared.document import Document
from shared.errors import Forbidden, TooMany, Unavailable
from shared.identifiers import new_id


@dataclass(frozen=True)
class Accounts:
    """The repositories that signing in needs together."""

    users: UserRepository
    sessions: SessionRepository
    keys: KeyRepository


def sign_in(accounts: Accounts, *, email: str, password: str, now: datetime) -> Document:
    """A new session: its tokens, for the right e-mail address and password.

    :raises SignInRefused: they are not right, or the user is not active.
    :raises TooMany: too many wrong passwords in a row; it says when to try again.
    """
    found = accounts.users.credentials(email)
    if found is None:
        crypto.is_password(_nobody(), password)
        raise SignInRefused("The e-mail address or the password is wrong.")
    user, failures, next_try_at = found
    if next_try_at is not None and next_try_at > now:
        seconds = int((next_try_at - now).total_seconds()) + 1
        raise TooMany("Too many wrong passwords; wait a little and try again.", retry_after=seconds)
    if not crypto.is_password(user.password_hash, password):
        accounts.users.note_failure(user.id, next_try_at=now + wait_after(failures + 1))
        raise SignInRefused("The e-mail address or the password is wrong.")
    if not user.active:
        raise SignInRefused("The e-mail address or the password is wrong.")
    if failures:
        accounts.users.forget_failures(user.id)
    session = Session(
        id=crypto.new_session_id(),
        user_id=user.id,
        via=None,
        created_at=now,
        expires_at=now + SESSION_LASTS,
    )
    return _tokens(accounts, user, session, refresh_token=_begin(accounts, session), now=now)


def refresh(accounts: Accounts, *, refresh_token: str, now: datetime) -> Document:
    """New tokens for a refresh token, which is replaced.

    A delegation's is not: its holder may die at any moment.

    :raises SessionEnded: it is unknown, expired, or replaced (which ends the whole session), or
        its user has left.
    """
    session_id, _, secret = refresh_token.partition(".")
    found = accounts.sessions.find_session(session_id)
    if found is None or found[0].expires_at <= now:
        raise SessionEnded("The session has ended; sign in again.")
    session, tokens = found
    secret_hash = crypto.hash_secret(secret)
    if not _still_good(tokens, secret_hash, now):
        # A token that was replaced comes again: somebody else has a copy.
        accounts.sessions.end(session.id)
        raise SessionEnded("This refresh token was used before; sign in again.")
    user = accounts.users.get_user(session.user_id)
    if not user.active or session.created_at < user.sessions_void_before:
        accounts.sessions.end(session.id)
        raise SessionEnded("The session has ended; sign in again.")
    if session.via is None:
        refresh_token = _rotate(accounts, session, secret_hash, now)
    return _tokens(accounts, user, session, refresh_token=refresh_token, now=now)


def delegate(accounts: Accounts, caller: Caller, *, to: str, now: datetime) -> Document:
    """Tokens with which a service may act for the caller for up to a day.

    For work that outlasts an access token.

    :raises Forbidden: the caller is itself such a service.
    """
    if caller.via is not None:
        raise Forbidden("A service that acts for somebody cannot pass that on.")
    user = accounts.users.get_user(caller.id)
    session = Session(
        id=crypto.new_session_id(),
        user_id=user.id,
        via=to,
        created_at=now,
        expires_at=now + DELEGATION_LASTS,
    )
    return _tokens(accounts, user, session, refresh_token=_begin(accounts, session), now=now)


def sign_out(accounts: Accounts, *, refresh_token: str) -> None:
    """End the session of a refresh token. Nothing is said if it has ended already."""
    session_id, _, secret = refresh_token.partition(".")
    found = accounts.sessions.find_session(session_id)
    if found is not None and crypto.hash_secret(secret) in found[1]:
        accounts.sessions.end(session_id)


def make_signing_key(keys: KeyRepository, *, now: datetime) -> bool:
    """Make the key that signs tokens, unless there is one; True if one was made."""
    return keys.signing_key() is None and keys.add_first(crypto.new_signing_key(now=now))


@cache
def _nobody() -> str:
    """A hash to check in place of that of a user who does not exist: both then cost the same."""
    return crypto.hash_password(crypto.new_password())


def _begin(accounts: Accounts, session: Session) -> str:
    secret = crypto.new_refresh_secret()
    accounts.sessions.add(session, secret_hash=crypto.hash_secret(secret))
    return f"{session.id}.{secret}"


def _rotate(accounts: Accounts, session: Session, old_hash: str, now: datetime) -> str:
    secret = crypto.new_refresh_secret()
    accounts.sessions.rotate(
        session.id, old_hash=old_hash, new_hash=crypto.hash_secret(secret), now=now
    )
    return f"{session.id}.{secret}"


def _still_good(tokens: dict[str, datetime | None], secret_hash: str, now: datetime) -> bool:
    if secret_hash not in tokens:
        return False
    replaced_at = tokens[secret_hash]
    return replaced_at is None or now - replaced_at <= GRACE


def _tokens(
    accounts: Accounts, user: User, session: Session, *, refresh_token: str, now: datetime
) -> Document:
    key = accounts.keys.signing_key()
    if key is None:
        raise Unavailable("There is no key to sign with yet; run the setup step.")
    access_token = crypto.sign_access_token(
        key, user_id=user.id, role=user.role, via=session.via, token_id=new_id(), now=now
    )
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "refresh_token": refresh_token,
        "refresh_expires_at": session.expires_at,
        "user": {"id": user.id, "name": user.name, "role": user.role},
    }
