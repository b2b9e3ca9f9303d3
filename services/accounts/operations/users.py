"""Operations on log-ins: register and change users. Knows neither HTTP nor MongoDB."""

from datetime import datetime

from services.accounts import crypto, passwords
from services.accounts.model import (
    OwnRightsKept,
    User,
)
from services.accounts.repository.users import UserRepository
from shared.auth.caller import Caller
from shared.document import Document
from shared.errors import Stale
from shared.events.contracts import UserChanged, UserRegistered, UserRestated
from shared.idempotency import CreationRequest
from shared.identifiers import new_id


def register(
    users: UserRepository,
    *,
    email: str,
    name: str,
    role: str,
    password: str,
    now: datetime,
    request: CreationRequest | None = None,
    password_is_one_time: bool = False,
) -> Document:
    """Give a member of staff a log-in.

    :raises EmailTaken: another user has the address.
    :raises PasswordRefused: the password is too easily guessed.
    """
    passwords.check(password, email=email, name=name)
    user = User(
        id=new_id(),
        email=email,
        name=name,
        role=role,
        password_hash=crypto.hash_password(password),
        password_is_one_time=password_is_one_time,
        tokens_void_before=now,
        sessions_void_before=now,
        created_at=now,
        updated_at=now,
    )
    event = UserRegistered(
        user_id=user.id, role=role, active=True, version=1, occurred_at=now.isoformat()
    )
    return users.add(user, event, request=request)


def change(
    users: UserRepository,
    id: str,
    changes: Document,
    *,
    version: int,
    caller: Caller,
    now: datetime,
) -> Document:
    """Change the given fields of a user, if it still has `version`.

    A password that somebody else sets works once, for its owner to choose another with.

    :raises NoSuchUser: there is none.
    :raises Stale: it has another version by now.
    :raises OwnRightsKept: the caller would take away their own rights.
    :raises PasswordRefused: the new password is too easily guessed.
    """
    user = users.get_user(id)
    if user.version != version:
        raise Stale("Someone else changed this first; reload it and try again.")
    if "password" in changes:
        changes = _with_hash(user, changes, is_one_time=caller.id != id)
    changed = user.changed(now=now, **changes)
    if caller.id == id and (changed.role, changed.active) != (user.role, user.active):
        raise OwnRightsKept("You cannot take away your own rights; ask another admin.")
    return users.save(changed, changed_event(changed, now))


def changed_event(changed: User, now: datetime) -> UserChanged:
    """The event that tells of a user who was changed and is about to be saved."""
    return UserChanged(
        user_id=changed.id,
        role=changed.role,
        active=changed.active,
        version=changed.version + 1,
        occurred_at=now.isoformat(),
    )


def republished(user: Document, now: datetime) -> UserRestated:
    """The event that publishes the state of a member of staff again."""
    return UserRestated(
        user_id=user["_id"],
        role=user["role"],
        active=user["active"],
        version=user["version"],
        occurred_at=now.isoformat(),
    )


def _with_hash(user: User, changes: Document, *, is_one_time: bool) -> Document:
    """The changes, with the hash of the new password in its place."""
    rest = {name: value for name, value in changes.items() if name != "password"}
    passwords.check(
        changes["password"],
        email=changes.get("email", user.email),
        name=changes.get("name", user.name),
    )
    return {
        **rest,
        "password_hash": crypto.hash_password(changes["password"]),
        "password_is_one_time": is_one_time,
    }
