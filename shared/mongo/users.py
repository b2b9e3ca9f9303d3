"""Users of MongoDB: makes those that are missing, and keeps password and rights as declared.

Knows no service.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from shared.document import Document

READ_AND_WRITE = ("find", "insert", "update", "remove", "listCollections", "listIndexes")
"""What a service does with its database at work. Neither dropping nor changing rules is in it, nor
writing past validators, as in MongoDB's own `readWrite`."""

EVERY_DATABASE = ("readWriteAnyDatabase", "dbAdminAnyDatabase", "clusterMonitor", "hostManager")
"""The built-in roles of somebody who builds, looks after, backs up and restores databases."""

_MECHANISM = "SCRAM-SHA-256"
_THERE_ALREADY = frozenset({51002, 51003})


@dataclass(frozen=True, kw_only=True)
class User:
    """Somebody who may sign in. With a `database`, that one is all they may read and write."""

    name: str
    password: str
    database: str | None


def settle(client: MongoClient[Document], users: Iterable[User]) -> Iterator[str]:
    """Make the users as they are to be; yields a sentence for each that was made or changed.

    The client has to be signed in as somebody who may do that. What a user may do with another
    database from before stays: one server may hold several installations.
    """
    found = {
        each["user"]: each
        for each in client.admin.command("usersInfo", 1, showCredentials=True)["users"]
    }
    roles = {
        each["role"]: each
        for each in client.admin.command("rolesInfo", 1, showPrivileges=True)["roles"]
    }
    for user in users:
        if user.database is not None:
            _settle_role(client, roles.get(user.database), user.database)
        sentence = _settle_user(client, found.get(user.name), user)
        if sentence:
            yield sentence


def _settle_role(client: MongoClient[Document], found: Document | None, database: str) -> None:
    privileges = [
        {"resource": {"db": database, "collection": ""}, "actions": sorted(READ_AND_WRITE)}
    ]
    if found is None:
        _create(client, "Role", database, {"privileges": privileges, "roles": []})
    elif _sorted(found["privileges"]) != privileges:
        client.admin.command("updateRole", database, privileges=privileges)


def _settle_user(client: MongoClient[Document], found: Document | None, user: User) -> str | None:
    wanted = set(EVERY_DATABASE if user.database is None else (user.database,))
    password = {"pwd": user.password, "mechanisms": [_MECHANISM]}
    if found is None:
        _create(client, "User", user.name, {**password, "roles": sorted(wanted)})
        return f"MongoDB: user {user.name} made"
    roles = {each["role"] for each in found["roles"]}
    changes: Document = {} if wanted <= roles else {"roles": sorted(wanted | roles)}
    if not _is_password(user.password, found["credentials"].get(_MECHANISM)):
        changes.update(password)
    if not changes:
        return None
    client.admin.command("updateUser", user.name, **changes)
    return f"MongoDB: user {user.name} changed ({'password' if 'pwd' in changes else 'rights'})"


def _create(client: MongoClient[Document], kind: str, name: str, fields: Document) -> None:
    try:
        client.admin.command(f"create{kind}", name, **fields)
    except OperationFailure as error:
        if error.code not in _THERE_ALREADY:
            raise
        # Another setup, at the same time, was quicker.
        client.admin.command(f"update{kind}", name, **fields)


def _sorted(privileges: list[Document]) -> list[Document]:
    return [{**each, "actions": sorted(each["actions"])} for each in privileges]


def _is_password(password: str, stored: Document | None) -> bool:
    """True if this is what the stored credentials were made of (RFC 5802, section 3)."""
    if stored is None:
        return False
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(stored["salt"]), stored["iterationCount"]
    )
    key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return hmac.compare_digest(key, base64.b64decode(stored["storedKey"]))
