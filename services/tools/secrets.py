"""Secrets of an installation: which there are and for whom; makes what is missing.

A folder for each service, one for the operator, and one for each server. Each process may read that
of its own and no other.
"""

import base64
import os
import stat
from pathlib import Path

from services.registry import SERVICES
from shared import secrets
from shared.local.redis_server import Users
from shared.messaging import access
from shared.mongo import logins
from shared.settings import OPERATOR

EVENT_KEYS, DELEGATION_KEY, METRICS_TOKEN = "event_keys", "delegation_key", "metrics_token"
MONGO, REDIS = "mongo", "redis"
"""The folders of the servers."""
REDIS_USERS = "users.acl"
_OWNER_ALONE = stat.S_IRWXU


def make(root: Path) -> None:
    """Make what is missing in `root`. What is there stays, and goes to everybody who needs it.

    :raises SecretMissing: what is there is empty, or cannot be read.
    """
    root.mkdir(mode=_OWNER_ALONE, parents=True, exist_ok=True)
    root.chmod(_OWNER_ALONE)
    for user in (*SERVICES, OPERATOR):
        secrets.ensure(root / user, logins.FILE, _random)
        secrets.ensure(root / user, access.FILE, _random)
    for service in SERVICES:
        secrets.ensure(root / service, METRICS_TOKEN, _random)
    secrets.ensure(root / "imports", DELEGATION_KEY, _fernet_key)
    _share(root, EVENT_KEYS, secrets.ensure(root / OPERATOR, EVENT_KEYS, _hex_key))
    secrets.put(root / MONGO, "key", secrets.ensure(root / OPERATOR, logins.KEY_FILE, _random))
    secrets.put(root / REDIS, REDIS_USERS, access.rules(_redis_passwords(root), operator=OPERATOR))


def mongo_key(root: Path) -> Path:
    """The file of the key that the members of MongoDB share."""
    return root / MONGO / "key"


def redis_login(root: Path) -> Users:
    """The users of Redis, and the operator's login."""
    return Users(
        file=root / REDIS / REDIS_USERS,
        name=OPERATOR,
        password=secrets.require(root / OPERATOR, access.FILE),
    )


def _share(root: Path, name: str, text: str) -> None:
    for service in SERVICES:
        secrets.put(root / service, name, text)


def _redis_passwords(root: Path) -> dict[str, str]:
    return {user: secrets.require(root / user, access.FILE) for user in (*SERVICES, OPERATOR)}


def _random() -> str:
    # Of signs that a key file of MongoDB may have, and a URL.
    return os.urandom(32).hex()


def _hex_key() -> str:
    return os.urandom(32).hex()


def _fernet_key() -> str:
    # As Fernet.generate_key does, whose package takes longer to import than all this to do.
    return base64.urlsafe_b64encode(os.urandom(32)).decode()
