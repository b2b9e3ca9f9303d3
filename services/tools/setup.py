"""Sets Kith up: databases, users of MongoDB, signing key and first admin. Knows no terminal.

Safe to run at every start.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import redis

from services.accounts import crypto
from services.accounts.bootstrap import create_context
from services.accounts.model import EmailTaken
from services.accounts.operations import sessions, users
from services.accounts.schemas import NewUserSchema
from services.registry import SERVICES
from services.tools import migrate, mongo_users, schema
from shared.messaging.broker import forget_release_before, signs_in
from shared.mongo.client import connect, service_database, wait_for_primary
from shared.settings import Settings, SettingsInvalid

WAIT_SECONDS = 120


def run(settings: Settings) -> Iterator[str]:
    """Do what is missing; yields a line for each thing done, and at last how to sign in."""
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
            yield "Redis: messages of the release before dropped, its file is written anew"
    except redis.RedisError as error:
        # Nothing else here needs Redis.
        yield f"Redis: not reached ({type(error).__name__}); an older release's messages stay there"


def _first_admin(accounts: sessions.Accounts, settings: Settings) -> str:
    known = "sign in: with the password you know; ADMIN_PASSWORD does not change it"
    if accounts.users.has_admin():
        return known
    password = settings.admin_password or crypto.new_password()
    admin: dict[str, Any] = {
        "email": settings.admin_email,
        "name": "Admin",
        "role": "admin",
        "password": password,
    }
    for field, messages in NewUserSchema().validate(admin).items():
        raise SettingsInvalid(f"ADMIN_{str(field).upper()} cannot be used: {' '.join(messages)}")
    try:
        users.register(accounts.users, **admin, now=datetime.now(UTC))
    except EmailTaken:
        if not accounts.users.has_admin():
            raise
        # Another setup, at the same time, was quicker.
        return known
    shown = "the ADMIN_PASSWORD you gave" if settings.admin_password else password
    return f"sign in: {settings.admin_email} with {shown} (said this once, kept only as a hash)"
