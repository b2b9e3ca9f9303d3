"""Lets somebody in as an admin again, whatever state the accounts are in. Knows no terminal."""

from collections.abc import Iterator
from datetime import UTC, datetime

from marshmallow import ValidationError

from services.accounts import crypto
from services.accounts.bootstrap import create_context
from services.accounts.model import EmailTaken, User
from services.accounts.operations import throttling, users
from services.accounts.operations.sessions import Accounts
from services.accounts.schemas import NewUserSchema
from shared.errors import Stale
from shared.mongo.client import connect, service_database
from shared.settings import Settings

TURNS = 20
"""How often it starts again because somebody changed the user at the same moment."""


class AdminNotMade(Exception):
    """Nobody was let in; the message says why."""


def run(settings: Settings, email: str) -> Iterator[str]:
    """Make the user with this address an active admin with a one-time password.

    Yields a line for each thing done, and at last the password, which is kept nowhere.

    :raises AdminNotMade: the address is none, or the databases are not set up.
    """
    with connect(settings, patient=True) as client:
        accounts = create_context(service_database(client, settings, "accounts"))
        if accounts.keys.signing_key() is None:
            raise AdminNotMade("There is no key to sign with yet; run the setup step first.")
        email = _as_stored(accounts, email)
        password = crypto.new_password()
        yield _let_in(accounts, email, password)
        throttling.forget(accounts.attempts, email=email)
        yield (
            f"one-time password: {password} (said this once, kept only as a hash); sign in by "
            'POST /v1/tokens with "email", this "password", and a "new_password" of your own'
        )


def _as_stored(accounts: Accounts, email: str) -> str:
    """The address in the one form that is stored; one that an earlier release took goes on."""
    if accounts.users.credentials(email) is not None:
        return email
    try:
        address: str = NewUserSchema(only=("email",)).load({"email": email})["email"]
    except ValidationError as error:
        said = " ".join(error.messages_dict["email"])
        raise AdminNotMade(f"The email cannot be used: {said}") from error
    return address


def _let_in(accounts: Accounts, email: str, password: str) -> str:
    for _ in range(TURNS):
        try:
            found = accounts.users.credentials(email)
            if found is None:
                return _register(accounts, email, password)
            return _restore(accounts, found, password)
        except (Stale, EmailTaken):
            continue
    raise AdminNotMade("Somebody changes this user all the time; try again.")


def _restore(accounts: Accounts, found: User, password: str) -> str:
    now = datetime.now(UTC)
    changed = found.changed(
        now=now,
        role="admin",
        active=True,
        password_hash=crypto.hash_password(password),
        password_is_one_time=True,
    )
    accounts.users.save(changed, users.changed_event(changed, now))
    before = f"{found.role}, {'active' if found.active else 'switched off'}"
    return f"{found.email}: an active admin now (was {before}); all earlier sessions have ended"


def _register(accounts: Accounts, email: str, password: str) -> str:
    users.register(
        accounts.users,
        email=email,
        name="Admin",
        role="admin",
        password=password,
        now=datetime.now(UTC),
        password_is_one_time=True,
    )
    return f"{email}: nobody had this address, so an admin was registered with it"
