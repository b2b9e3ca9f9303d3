"""Every setting a process reads from its environment, typed.

The only module that looks at the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import marshmallow
from environs import Env, EnvValidationError


class SettingsInvalid(Exception):
    """A variable in the environment has a value that cannot be used; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process. Ports and addresses have defaults that suit one machine."""

    mongo_url: str
    redis_url: str
    database_prefix: str
    host: str
    port: int
    web_workers: int
    web_threads: int
    worker_processes: int
    accounts_url: str
    customers_url: str
    orders_url: str
    imports_url: str
    token: str
    admin_email: str
    admin_password: str
    import_max_bytes: int
    import_max_unpacked_bytes: int
    default_phone_region: str
    log_level: str
    log_json: bool


@dataclass(frozen=True, kw_only=True)
class LauncherSettings:
    """What `make run` reads beside `Settings`.

    Which servers to start, where, and with which sample.
    """

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
    """What `make backup` and `make restore` read beside `Settings`."""

    folder: Path
    keep_daily: int
    keep_weekly: int
    overwrite: bool


PORTS = {"accounts": 8001, "customers": 8002, "orders": 8003, "imports": 8004}
# Never 27017 and 6379: a MongoDB or Redis of the user's own may be there.
SERVER_PORTS = {"mongo": 27117, "redis": 6479}

_SOME = marshmallow.validate.Range(min=1)
_LEVEL = marshmallow.validate.OneOf(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
# MongoDB takes no more than 63 bytes and few signs in a name; a service's name is added to this.
PREFIX_RULE = "It must be 1 to 40 letters, digits, _ or -."
_PREFIX = marshmallow.validate.Regexp(r"[A-Za-z0-9_-]{1,40}\Z", error=PREFIX_RULE)


def load(service: str = "") -> Settings:
    """Read the settings of a process of `service`.

    :raises SettingsInvalid: a variable cannot be read; the message names it.
    """
    env = Env(eager=False)
    port = env.int(f"{service.upper()}_PORT" if service else "PORT", PORTS.get(service, 8000))
    settings = Settings(
        mongo_url=env.str("MONGO_URL", "mongodb://127.0.0.1:27117/?replicaSet=kith"),
        redis_url=env.str("REDIS_URL", "redis://127.0.0.1:6479/0"),
        database_prefix=env.str("DATABASE_PREFIX", "kith", validate=_PREFIX),
        host=env.str("HOST", "127.0.0.1"),
        port=port,
        web_workers=env.int("WEB_WORKERS", 1, validate=_SOME),
        web_threads=env.int("WEB_THREADS", 4, validate=_SOME),
        worker_processes=env.int("WORKER_PROCESSES", 1, validate=_SOME),
        accounts_url=env.str("ACCOUNTS_URL", f"http://127.0.0.1:{_port(env, 'accounts')}"),
        customers_url=env.str("CUSTOMERS_URL", f"http://127.0.0.1:{_port(env, 'customers')}"),
        orders_url=env.str("ORDERS_URL", f"http://127.0.0.1:{_port(env, 'orders')}"),
        imports_url=env.str("IMPORTS_URL", f"http://127.0.0.1:{_port(env, 'imports')}"),
        token=env.str("TOKEN", ""),
        admin_email=env.str("ADMIN_EMAIL", "admin@example.com"),
        admin_password=env.str("ADMIN_PASSWORD", ""),
        import_max_bytes=env.int("IMPORT_MAX_BYTES", 256 * 1024 * 1024, validate=_SOME),
        import_max_unpacked_bytes=env.int(
            "IMPORT_MAX_UNPACKED_BYTES", 256 * 1024 * 1024, validate=_SOME
        ),
        default_phone_region=env.str("DEFAULT_PHONE_REGION", ""),
        log_level=env.str("LOG_LEVEL", "INFO", validate=_LEVEL),
        log_json=env.bool("LOG_JSON", False),
    )
    _seal(env)
    return settings


def load_launcher() -> LauncherSettings:
    """Read what `make run` needs.

    :raises SettingsInvalid: a variable cannot be read; the message names it.
    """
    env = Env(eager=False)
    settings = LauncherSettings(
        mongo_url=env.str("MONGO_URL", ""),
        redis_url=env.str("REDIS_URL", ""),
        mongo_port=_port(env, "mongo"),
        redis_port=_port(env, "redis"),
        data_dir=env.path("DATA_DIR", Path(".data")),
        sample=env.bool("SAMPLE", True),
        admin_email=env.str("ADMIN_EMAIL", "admin@example.com"),
        admin_password=env.str("ADMIN_PASSWORD", ""),
        ports={service: _port(env, service) for service in PORTS},
    )
    _seal(env)
    return settings


def load_backup() -> BackupSettings:
    """Read where backups lie, how many are kept, and what a restore may do.

    :raises SettingsInvalid: a variable cannot be read; the message names it.
    """
    env = Env(eager=False)
    settings = BackupSettings(
        folder=env.path("BACKUP_DIR", Path("backups")),
        keep_daily=env.int("KEEP_DAILY", 7, validate=_SOME),
        keep_weekly=env.int("KEEP_WEEKLY", 4, validate=marshmallow.validate.Range(min=0)),
        overwrite=env.bool("OVERWRITE", False),
    )
    _seal(env)
    return settings


def is_prefix(text: str) -> bool:
    """Whether databases can be named with this prefix."""
    try:
        _PREFIX(text)
    except marshmallow.ValidationError:
        return False
    return True


def _port(env: Env, name: str) -> int:
    default = {**PORTS, **SERVER_PORTS}[name]
    value: int = env.int(
        f"{name.upper()}_PORT", default, validate=marshmallow.validate.Range(1, 65535)
    )
    return value


def _seal(env: Env) -> None:
    try:
        env.seal()
    except EnvValidationError as error:
        problems = "; ".join(
            f"{name}: {' '.join(map(str, messages))}"
            for name, messages in cast(Mapping[str, list[str]], error.error_messages).items()
        )
        raise SettingsInvalid(f"These variables cannot be read: {problems}") from error
