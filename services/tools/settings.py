"""Settings of commands on an operator's machine: `make run`, backup, restore. Know no service."""

import os
from dataclasses import dataclass
from pathlib import Path

import marshmallow
from environs import Env

from services.registry import SERVICES
from shared.settings import AT_LEAST_ONE, port, seal


@dataclass(frozen=True, kw_only=True)
class LauncherSettings:
    """The settings of `make run` beside `Settings`: servers, their places, the sample."""

    mongo_url: str
    redis_url: str
    mongo_port: int
    redis_port: int
    data_dir: Path
    sample: bool
    admin_email: str
    admin_password: str
    ports: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class BackupSettings:
    """The settings of `make backup` and `make restore` beside `Settings`."""

    folder: Path
    keep_daily: int
    keep_weekly: int
    overwrite: bool


def load_launcher() -> LauncherSettings:
    """Read the settings of `make run`.

    :raises SettingsInvalid: a variable cannot be read; the message names it.
    """
    env = Env(eager=False)
    settings = LauncherSettings(
        mongo_url=env.str("MONGO_URL", ""),
        redis_url=env.str("REDIS_URL", ""),
        mongo_port=port(env, "mongo"),
        redis_port=port(env, "redis"),
        data_dir=env.path("DATA_DIR", Path(".data")),
        sample=env.bool("SAMPLE", True),
        admin_email=env.str("ADMIN_EMAIL", "admin@example.com"),
        admin_password=env.str("ADMIN_PASSWORD", ""),
        ports={service: port(env, service, default) for service, default in SERVICES.items()},
    )
    seal(env)
    return settings


def keep_from_children() -> None:
    """Take out of the environment what no process is to inherit from `make run`.

    That is what one of them gets anyway, and the folder that is another one for each.
    """
    for name in ("ADMIN_PASSWORD", "TOKEN", "SECRETS_DIR"):
        os.environ.pop(name, None)


def load_backup() -> BackupSettings:
    """Read the folder of backups, how many are kept, and what a restore may do.

    :raises SettingsInvalid: a variable cannot be read; the message names it.
    """
    env = Env(eager=False)
    settings = BackupSettings(
        folder=env.path("BACKUP_DIR", Path("backups")),
        keep_daily=env.int("KEEP_DAILY", 7, validate=AT_LEAST_ONE),
        keep_weekly=env.int("KEEP_WEEKLY", 4, validate=marshmallow.validate.Range(min=0)),
        overwrite=env.bool("OVERWRITE", False),
    )
    seal(env)
    return settings
