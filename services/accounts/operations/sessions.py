"""Operations on sessions: sign in, refresh, sign out. Knows neither HTTP nor MongoDB.

Tokens are given out only for a session that has the version which its user has then, read after the
session was written; so whoever changes the user meanwhile ends the session, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.accounts import crypto
from services.accounts.model import GRACE, SESSION_LASTS, Session, SessionEnded, SignInRefused, User
from services.accounts.operations import own_password, throttling
from services.accounts.repository.attempts import AttemptRepository
from services.accounts.repository.sessions import KeyRepository, SessionRepository
from services.accounts.repository.users import UserRepository
from shared.auth.caller import Caller
from shared.auth.tokens import ACCESS_SECONDS
from shared.document import Document
from shared.errors import Forbidden, Stale, Unavailable
from shared.identifiers import new_id

Tokens = Mapping[str, datetime | None]
"""When each of a session's refresh tokens was replaced, by its hash."""

_WRONG = "The e-mail address or the password is wrong."


@dataclass(frozen=True)
class Accounts:
    """The repositories that signing in needs together."""

    users: UserRepository
    sessions: SessionRepository
    keys: KeyRepository
    users_as: Callable[[Caller], UserRepository]
    """The users as this admin changes them, as long as they are one."""
    attempts: AttemptRepository


def sign_in(
    accounts: Accounts,
    *,
    email: str,
    password: str,
    now: datetime,
    address: str = "",
    new_password: str | None = None,
) -> Document:
    """A new session: its tokens, for the right e-mail address and password.

    `address` is the network address that asks. A one-time password needs a `new_password` with it.

    :raises SignInRefused: they are not right, or the user is not active.
    :raises TooMany: too many wrong passwords in a row; it says when to try again.
    :raises PasswordOneTime: the password works only together with a new one.
    """
    counted = throttling.begin(accounts.attempts, email=email, address=address, now=now)
    user = _authenticated(accounts.users, email, password)
    throttling.succeed(accounts.attempts, counted, now=now)
    try:
        user = own_password.settle(
            accounts.users, user, password=password, new_password=new_password, now=now
        )
    except Stale as error:
        raise SignInRefused(_WRONG) from error
    return _signed_in(accounts, user, now)


def change_password(
    accounts: Accounts,
    caller: Caller,
    *,
    old_password: str,
    new_password: str,
    address: str,
    now: datetime,
) -> Document:
    """A new password for the caller, who knows the old one, and a new session.

    All others end.

    :raises Forbidden: a service asks that acts for the user.
    :raises PasswordWrong: the old one is wrong.
    :raises PasswordRefused: the new one is too easily guessed, or the old one.
    :raises SessionEnded: it is the password no more, or the caller was switched off.
    :raises TooMany: too many wrong passwords in a row; it says when to try again.
    """
    if caller.via is not None:
        raise Forbidden("A service that acts for somebody cannot change their password.")
    user = accounts.users.get_user(caller.id)
    counted = throttling.begin(accounts.attempts, email=user.email, address=address, now=now)
    own_password.confirm(user, old_password)
    throttling.succeed(accounts.attempts, counted, now=now)
    try:
        user = own_password.choose(
            accounts.users, user, old_password=old_password, new_password=new_password, now=now
        )
    except Stale as error:
        raise SessionEnded("Your password was changed meanwhile; sign in again.") from error
    return _signed_in(accounts, user, now)


def begin(accounts: Accounts, session: Session, *, now: datetime) -> Document:
    """The first tokens of a new session.

    :raises SessionEnded: its user has changed since the session's version was read.
    """
    secret = crypto.new_refresh_secret(session.seed)
    accounts.sessions.add(session, secret_hash=crypto.hash_secret(secret))
    return _tokens(accounts, session, refresh_token=f"{session.id}.{secret}", now=now)


def refresh(accounts: Accounts, *, refresh_token: str, now: datetime) -> Document:
    """New tokens for a refresh token, which is replaced, always by the same.

    A delegation's is not: its holder may die at any moment.

    :raises SessionEnded: it is unknown, expired, or replaced (which ends the whole session), or
        its user has left.
    """
    session_id, _, secret = refresh_token.partition(".")
    found = accounts.sessions.find_session(session_id)
    # Somebody who only knows, or guesses, the id of a session must not be able to end it.
    if found is None or found[0].expires_at <= now or not _is_known(*found, secret):
        raise SessionEnded("The session has ended; sign in again.")
    session, tokens = found
    if _is_used_up(tokens, secret, now):
        # A token that was replaced comes again: somebody else has a copy.
        accounts.sessions.end(session.id, now=now)
        raise SessionEnded("This refresh token was used before; sign in again.")
    if session.via is None:
        refresh_token = _rotate(accounts, session, secret, now)
    return _tokens(accounts, session, refresh_token=refresh_token, now=now)


def sign_out(accounts: Accounts, *, refresh_token: str, now: datetime) -> None:
    """End the session of a refresh token, and the delegations that it made.

    Nothing is said if it has ended already.
    """
    session_id, _, secret = refresh_token.partition(".")
    found = accounts.sessions.find_session(session_id)
    if found is not None and _is_known(*found, secret):
        accounts.sessions.end(session_id, now=now)


def make_signing_key(keys: KeyRepository, *, now: datetime) -> bool:
    """Make the key that signs tokens, unless there is one; True if one was made."""
    return keys.signing_key() is None and keys.add_first(crypto.new_signing_key(now=now))


def _is_known(session: Session, tokens: Tokens, secret: str) -> bool:
    """True if the session gave out this secret, remembered or not.

    It remembers the latest, and whoever has one can replace it often enough to have it forgotten.
    """
    given_out = session.seed is not None and crypto.was_given_out(secret, seed=session.seed)
    return given_out or crypto.hash_secret(secret) in tokens


def _is_used_up(tokens: Tokens, secret: str, now: datetime) -> bool:
    secret_hash = crypto.hash_secret(secret)
    replaced_at = tokens.get(secret_hash)
    if replaced_at is None:
        return secret_hash not in tokens
    return now - replaced_at > GRACE


def _authenticated(users: UserRepository, email: str, password: str) -> User:
    user = users.credentials(email)
    right = (
        crypto.is_nobody(password)
        if user is None
        else crypto.is_password(user.password_hash, password)
    )
    if user is None or not right or not user.active:
        raise SignInRefused(_WRONG)
    return user


def _signed_in(accounts: Accounts, user: User, now: datetime) -> Document:
    """The tokens for a user as they were read with the password that was right."""
    session = Session(
        id=crypto.new_session_id(),
        user_id=user.id,
        via=None,
        created_at=now,
        expires_at=now + SESSION_LASTS,
        version=user.session_version,
        seed=crypto.new_seed(),
    )
    try:
        return begin(accounts, session, now=now)
    except SessionEnded as error:
        # The password that was right is the password no more.
        raise SignInRefused(_WRONG) from error


def _rotate(accounts: Accounts, session: Session, old: str, now: datetime) -> str:
    # A session of the release before has no seed yet.
    seed = session.seed or accounts.sessions.give_seed(session.id, crypto.new_seed())
    if seed is None:
        raise SessionEnded("The session has ended; sign in again.")
    new = crypto.next_refresh_secret(old, seed=seed)
    accounts.sessions.rotate(
        session.id, old_hash=crypto.hash_secret(old), new_hash=crypto.hash_secret(new), now=now
    )
    return f"{session.id}.{new}"


def _user_now(accounts: Accounts, session: Session, now: datetime) -> User:
    """The user of a session that is still theirs, and whose parent is alive."""
    user = accounts.users.get_user(session.user_id)
    orphaned = session.parent is not None and not accounts.sessions.is_live(session.parent, now=now)
    if orphaned or not session.is_of(user):
        accounts.sessions.end(session.id, now=now)
        raise SessionEnded("The session has ended; sign in again.")
    return user


def _tokens(accounts: Accounts, session: Session, *, refresh_token: str, now: datetime) -> Document:
    user = _user_now(accounts, session, now)
    key = accounts.keys.signing_key()
    if key is None:
        raise Unavailable("There is no key to sign with yet; run the setup step.")
    access_token = crypto.sign_access_token(
        key,
        user_id=user.id,
        role=user.role,
        via=session.via,
        token_id=new_id(),
        now=now,
        session=session.id,
        version=user.token_version,
    )
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "refresh_token": refresh_token,
        "refresh_expires_at": session.expires_at,
        "user": {"id": user.id, "name": user.name, "role": user.role},
    }
