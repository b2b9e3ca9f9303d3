"""Logins to MongoDB, as options of a client: as a user, or as the server itself."""

from typing import Any

from shared import logins
from shared.settings import Settings

FILE, KEY_FILE = "mongo_password", "mongo_key"
"""Names of secrets: the password of a user, and the key that members of the set share."""

Login = dict[str, Any]


def as_user(settings: Settings) -> Login:
    """The login of the settings' user; nothing if the address has one, or there is no password."""
    password = logins.password(
        settings.mongo_url,
        user=settings.mongo_user,
        folder=settings.secrets_dir,
        name=FILE,
    )
    if password is None:
        return {}
    return {"username": settings.mongo_user, "password": password, "authSource": "admin"}


def as_server(key: str) -> Login:
    """The login of a member of the set, by their key. It may do everything.

    It makes the first users without a time in which anybody on the machine could do that.
    """
    return {
        "username": "__system",
        "password": key,
        "authSource": "local",
        "authMechanism": "SCRAM-SHA-256",
    }


def server_key(settings: Settings) -> str | None:
    """The key of the settings' server, for those who may have it; None for all others."""
    return logins.password(
        settings.mongo_url, user=settings.mongo_user, folder=settings.secrets_dir, name=KEY_FILE
    )
