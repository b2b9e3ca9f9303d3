"""Operations on log-ins: register and change users. Knows neither HTTP nor MongoDB."""

from datetime import datetime

from services.accounts import crypto
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
) -> Document:
    """Give a member of staff a log-in.

    :raises EmailTaken: another user has the address.
    """
    user = User(
        id=new_id(),
        email=email,
        name=name,
        role=role,
        password_hash=crypto.hash_password(password),
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

    :raises NoSuchUser: there is none.
    :raises Stale: it has another version by now.
    :raises OwnRightsKept: the caller would take away their own rights.
    """
    user = users.get_user(id)
    if user.version != version:
        raise Stale("Someone else changed this first; reload it and try again.")
    if "password" in changes:
        changes = {**changes, "password_hash": crypto.hash_password(changes["password"])}
        del changes["password"]
    changed = user.changed(now=now, **changes)
    if caller.id == id and (changed.role, changed.active) != (user.role, user.active):
        raise OwnRightsKept("You cannot take away your own rights; ask another admin.")
    event = UserChanged(
        user_id=id,
        role=changed.role,
        active=changed.active,
        version=version + 1,
        occurred_at=now.isoformat(),
    )
    return users.save(changed, event)


def republished(user: Document, now: datetime) -> UserRestated:
    """The event that publishes the state of a member of staff again."""
    return UserRestated(
        user_id=user["_id"],
        role=user["role"],
        active=user["active"],
        version=user["version"],
        occurred_at=now.isoformat(),
    )
