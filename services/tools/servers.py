"""Servers of `make run`: starts those that no variable names, each asking for a password."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.tools import secrets
from services.tools.settings import LauncherSettings
from shared.local import mongod, redis_server, servers
from shared.local.ports import FolderTaken, folder
from shared.local.servers import Server
from shared.local.supervisor import Supervisor


@contextmanager
def home(settings: LauncherSettings) -> Iterator[Path]:
    """The folder of the data, kept from other runs if a server of ours has its data there."""
    if settings.mongo_url and settings.redis_url:
        # Secrets alone are kept here, so nobody is kept out.
        yield settings.data_dir.absolute()
        return
    with folder(settings.data_dir) as found:
        yield found


def start(settings: LauncherSettings, *, home: Path, supervisor: Supervisor) -> tuple[str, str]:
    """Start what is to be started, and make everybody's secrets before; the servers' addresses.

    :raises ServerFailed: one does not start, or does not answer.
    :raises FolderTaken: the secrets cannot be written.
    :raises SecretMissing: one of them is empty, or cannot be read.
    :raises ServerMissing: there is none that runs on this machine.
    :raises StopAsked: while waiting.
    """
    root = home / "secrets"
    if settings.mongo_url:
        mongod.require_mongodb(settings.mongo_url)
    if settings.redis_url:
        redis_server.require_redis(settings.redis_url)
    try:
        secrets.make(root)
    except OSError as error:
        raise FolderTaken(
            f"The secrets in {root} cannot be made ({error.strerror}); DATA_DIR names another "
            "folder."
        ) from error
    servers.start(list(_ours(settings, home=home, root=root)), supervisor=supervisor)
    return (
        settings.mongo_url or mongod.mongo_url(settings.mongo_port),
        settings.redis_url or redis_server.redis_url(settings.redis_port),
    )


def _ours(settings: LauncherSettings, *, home: Path, root: Path) -> Iterator[Server]:
    if not settings.mongo_url:
        key = secrets.mongo_key(root)
        yield mongod.mongod(home, port=settings.mongo_port, key_file=key)
    if not settings.redis_url:
        users = secrets.redis_login(root)
        yield redis_server.redis_server(home, port=settings.redis_port, users=users)
