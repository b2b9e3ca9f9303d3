"""Users of MongoDB of an installation: each service with its own database, and the operator."""

from collections.abc import Iterator

from services.registry import SERVICES
from shared import secrets
from shared.mongo import logins, users
from shared.mongo.client import connect
from shared.mongo.users import User
from shared.settings import OPERATOR, Settings


def update(settings: Settings) -> Iterator[str]:
    """Make or change the users; yields a sentence for each.

    Nothing happens on a server whose key is not among the secrets: its users are somebody else's.
    """
    key = logins.server_key(settings)
    if key is None:
        return
    with connect(settings, login=logins.as_server(key)) as client:
        yield from users.settle(client, _declared(settings))


def _declared(settings: Settings) -> Iterator[User]:
    root = settings.secrets_dir.parent
    for name in (OPERATOR, *SERVICES):
        yield User(
            name=name,
            password=secrets.require(root / name, logins.FILE),
            database=None if name == OPERATOR else f"{settings.database_prefix}_{name}",
        )
