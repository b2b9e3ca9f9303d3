"""Sets Kith up: databases, users of MongoDB, signing key and first admin. Knows no terminal.

Safe to run at every start.
"""

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import redis
from marshmallow import ValidationError

from services.accounts import crypto
from services.accounts.bootstrap import create_context
from services.accounts.model import EmailTaken
from services.accounts.operations import sessions, users
from services.accounts.passwords import PasswordRefused
from services.accounts.schemas import NewUserSchema
from services.registry import SERVICES
from services.tools import migrate, mongo_users, schema
from shared.messaging.broker import forget_release_before, signs_in
from shared.mongo.client import connect, service_database, wait_for_primary
from shared.settings import Settings, SettingsInvalid

WAIT_SECONDS = 120

_TAKEN = "that address belongs to somebody who is none"


def run(settings: Settings) -> Iterator[str]:
    """Do what is missing; yields a line for each thing done, and at last how to sign in.

    That nobody can sign in is no reason not to start: `make admin-password` lets somebody in.

    :raises SettingsInvalid: the first admin cannot be made of the variables; the message names one.
    """
    wait_for_primary(settings, seconds=WAIT_SECONDS)
    yield from mongo_users.update(settings)
    with connect(settings, patient=True) as client:
        yield from schema.update(settings, client)
        yield from migrate.settle_new(settings, client)
        accounts = create_context(service_database(client, settings, "accounts"))
        if sessions.make_signing_key(accounts.keys, now=datetime.now(UTC)):
            yield "kith_accounts: signing key made"
        yield from _leave_release_before(settings)
        yield _first_admin(accounts, settings)


def _leave_release_before(settings: Settings) -> Iterator[str]:
    if not signs_in(settings):
        # A server of somebody's own: what is in its files is not for us to decide.
        return
    try:
        if forget_release_before(settings, SERVICES):
            yield "Redis: messages of the release before dropped, its file is rewritten"
    except redis.RedisError as error:
        # Nothing else here needs Redis.
        yield f"Redis: not reached ({type(error).__name__}); an older release's messages stay there"


def _first_admin(accounts: sessions.Accounts, settings: Settings) -> str:
    known = "sign in: with the password you know; ADMIN_PASSWORD does not change it"
    if accounts.users.has_admin():
        return known
    if accounts.users.credentials(settings.admin_email) is not None:
        return _locked_out(settings, _TAKEN)
    try:
        shown = _register(accounts, settings)
    except EmailTaken:
        # Another setup, at the same time, was quicker, or somebody has the address in its one form.
        return known if accounts.users.has_admin() else _locked_out(settings, _TAKEN)
    except SettingsInvalid as error:
        # A new system is not begun with a mistake; one that is there goes on.
        if not accounts.users.is_used():
            raise
        return _locked_out(settings, str(error).rstrip("."))
    return f"sign in: {settings.admin_email} with {shown} (said this once, kept only as a hash)"


def _register(accounts: sessions.Accounts, settings: Settings) -> str:
    """Register the first admin, and say with which password."""
    password = settings.admin_password or crypto.new_password()
    admin: dict[str, Any] = {
        "email": settings.admin_email,
        "name": "Admin",
        "role": "admin",
        "password": password,
    }
    try:
        users.register(accounts.users, **NewUserSchema().load(admin), now=datetime.now(UTC))
    except ValidationError as error:
        field, messages = next(iter(error.messages_dict.items()))
        raise _unusable(str(field), " ".join(messages)) from error
    except PasswordRefused as refusal:
        raise _unusable("password", refusal.errors[0].message) from refusal
    return "the ADMIN_PASSWORD you gave" if settings.admin_password else password


def _unusable(field: str, reason: str) -> SettingsInvalid:
    return SettingsInvalid(f"ADMIN_{field.upper()} cannot be used: {reason}")


def _locked_out(settings: Settings, reason: str) -> str:
    email = settings.admin_email
    return (
        f"sign in: no admin is active, and none is made of {email}, for {reason}; "
        f"`make admin-password EMAIL={shlex.quote(email)}` lets somebody in"
    )
