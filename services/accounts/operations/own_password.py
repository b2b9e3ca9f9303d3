"""Operations of users on their own password. Knows neither HTTP nor MongoDB."""

from dataclasses import replace
from datetime import datetime

from services.accounts import crypto, passwords
from services.accounts.model import PasswordNotOneTime, PasswordOneTime, PasswordWrong, User
from services.accounts.operations.users import changed_event
from services.accounts.passwords import PasswordRefused
from services.accounts.repository.users import UserRepository
from shared.errors import FieldError, Stale, Unavailable

TURNS = 20
"""How often a new password is written again because the user was changed at the same moment."""


def settle(
    users: UserRepository, user: User, *, password: str, new_password: str | None, now: datetime
) -> User:
    """The user who has just given the right password, as they are once it is as it should be.

    A one-time password becomes the new one; an old form of a hash becomes today's.

    :raises PasswordOneTime: it works only together with a new one.
    :raises PasswordNotOneTime: there is a new one, and the old one is the user's own.
    :raises PasswordRefused: the new one is too easily guessed, or the old one.
    :raises Stale: the user has left, or has another password, since they were read.
    """
    if user.password_is_one_time:
        if new_password is None:
            raise PasswordOneTime(
                "This password was set for you and works once; send new_password with it, which "
                "becomes yours."
            )
        return choose(users, user, old_password=password, new_password=new_password, now=now)
    if new_password is not None:
        raise PasswordNotOneTime(
            "This password is your own already; sign in without new_password, and change it by "
            "POST /v1/users/me/password."
        )
    if crypto.is_outdated(user.password_hash, password):
        new_hash = crypto.hash_password(password)
        users.rehash(user.id, old_hash=user.password_hash, new_hash=new_hash)
        return replace(user, password_hash=new_hash)
    return user


def choose(
    users: UserRepository, user: User, *, old_password: str, new_password: str, now: datetime
) -> User:
    """The user with a new password of their own; whatever was signed in before is out.

    :raises PasswordRefused: it is too easily guessed, or the old one.
    :raises Stale: the user has left, or has another password, since they were read.
    """
    passwords.check(new_password, email=user.email, name=user.name, field="new_password")
    if passwords.canonical(new_password) == passwords.canonical(old_password):
        reason = FieldError("new_password", "It is the old one; choose another.")
        raise PasswordRefused("This password cannot be used.", errors=(reason,))
    new_hash = crypto.hash_password(new_password)
    for _ in range(TURNS):
        changed = user.changed(now=now, password_hash=new_hash, password_is_one_time=False)
        try:
            users.save(changed, changed_event(changed, now))
        except Stale:
            user = _same_password(users, user)
        else:
            return replace(changed, version=changed.version + 1)
    raise Unavailable("Somebody changes this user all the time; try again in a moment.")


def _same_password(users: UserRepository, user: User) -> User:
    """The user as they are now: a new name or role does not come between.

    :raises Stale: they have left, or have another password.
    """
    found = users.get_user(user.id)
    if found.session_version != user.session_version:
        raise Stale("The password was changed meanwhile.")
    return found


def confirm(user: User, old_password: str) -> None:
    """Let pass who knows the password.

    :raises PasswordWrong: it is another one.
    """
    if not crypto.is_password(user.password_hash, old_password):
        reason = FieldError("old_password", "It is not your password.")
        raise PasswordWrong("The old password is wrong.", errors=(reason,))
