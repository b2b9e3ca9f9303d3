"""Settings that a process reads from its environment, typed.

With `services/tools/settings.py` the only modules that look at the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import cast

import marshmallow
from environs import Env, EnvValidationError

from shared import secrets
from shared.events.signature import KeysUnfit, read_keys


class SettingsInvalid(Exception):
    """A variable in the environment has a value that cannot be used; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process. Ports and addresses have defaults that suit one machine."""

    mongo_url: str
    mongo_user: str
    """Who signs in to MongoDB with the password in `secrets_dir`, if the URL names nobody."""
    redis_url: str
    redis_user: str
    """Who signs in to Redis in the same way."""
    secrets_dir: Path
    database_prefix: str
    host: str
    port: int
    web_workers: int
    web_threads: int
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
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
    event_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """What signs and accepts events; none where there is no file, as for most commands."""


PORTS = {"accounts": 8001, "customers": 8002, "orders": 8003, "imports": 8004}
"""Where services that others call listen by default; a test holds it to the registry."""

SERVER_PORTS = {"mongo": 27117, "redis": 6479}
"""Where `make run` starts its servers; not where the user may have some already."""

OPERATOR = "operator"
"""The user who runs commands and is no service, and the name of their folder of secrets."""

EVENT_KEYS = "event_keys"
"""The file of secrets with the keys that sign events, the same for all services."""

AT_LEAST_ONE = marshmallow.validate.Range(min=1)
_LEVEL = marshmallow.validate.OneOf(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
# MongoDB takes no more than 63 bytes and few signs in a name; a service's name is added to this.
PREFIX_RULE = "It must be 1 to 40 letters, digits, _ or -."
_PREFIX = marshmallow.validate.Regexp(r"[A-Za-z0-9_-]{1,40}\Z", error=PREFIX_RULE)


def load(service: str = "", *, default_port: int = 8000) -> Settings:
    """Read the settings of a process of `service`, which listens on `default_port` if on any.

    :raises SettingsInvalid: a variable, or the event keys, cannot be read; the message names it.
    """
    env = Env(eager=False)
    data_dir, secrets_dir = env.path("DATA_DIR", Path(".data")), env.str("SECRETS_DIR", "")
    user = service or OPERATOR
    ours = {
        "mongo": f"mongodb://127.0.0.1:{port(env, 'mongo')}/?replicaSet=kith",
        "redis": f"redis://127.0.0.1:{port(env, 'redis')}/0",
    }
    urls = {name: env.str(f"{name.upper()}_URL", url) or url for name, url in ours.items()}
    # A password is for the server that it was made for, and not for any that a variable names.
    users = {name: user if secrets_dir or urls[name] == ours[name] else "" for name in ours}
    listens_on = env.int(f"{service.upper()}_PORT" if service else "PORT", default_port)
    settings = Settings(
        mongo_url=urls["mongo"],
        mongo_user=users["mongo"],
        redis_url=urls["redis"],
        redis_user=users["redis"],
        secrets_dir=Path(secrets_dir) if secrets_dir else data_dir / "secrets" / user,
        database_prefix=env.str("DATABASE_PREFIX", "kith", validate=_PREFIX),
        host=env.str("HOST", "127.0.0.1"),
        port=listens_on,
        web_workers=env.int("WEB_WORKERS", 1, validate=AT_LEAST_ONE),
        web_threads=env.int("WEB_THREADS", 4, validate=AT_LEAST_ONE),
        trusted_proxies=_networks(env, "TRUSTED_PROXIES"),
        worker_processes=env.int("WORKER_PROCESSES", 1, validate=AT_LEAST_ONE),
        accounts_url=env.str("ACCOUNTS_URL", f"http://127.0.0.1:{port(env, 'accounts')}"),
        customers_url=env.str("CUSTOMERS_URL", f"http://127.0.0.1:{port(env, 'customers')}"),
        orders_url=env.str("ORDERS_URL", f"http://127.0.0.1:{port(env, 'orders')}"),
        imports_url=env.str("IMPORTS_URL", f"http://127.0.0.1:{port(env, 'imports')}"),
        token=env.str("TOKEN", ""),
        admin_email=env.str("ADMIN_EMAIL", "admin@example.com"),
        admin_password=env.str("ADMIN_PASSWORD", ""),
        import_max_bytes=env.int("IMPORT_MAX_BYTES", 256 * 1024 * 1024, validate=AT_LEAST_ONE),
        import_max_unpacked_bytes=env.int(
            "IMPORT_MAX_UNPACKED_BYTES", 256 * 1024 * 1024, validate=AT_LEAST_ONE
        ),
        default_phone_region=env.str("DEFAULT_PHONE_REGION", ""),
        log_level=env.str("LOG_LEVEL", "INFO", validate=_LEVEL),
        log_json=env.bool("LOG_JSON", False),
    )
    seal(env)
    return replace(settings, event_keys=_event_keys(settings.secrets_dir))


def _networks(env: Env, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    named: str = env.str(name, "", validate=_read_networks)
    # What cannot be read is told when the environment is sealed.
    return _read_networks(named) if named else ()


def _read_networks(named: str) -> tuple[IPv4Network | IPv6Network, ...]:
    texts = named.split(",") if named.strip() else []
    try:
        return tuple(ip_network(text.strip()) for text in texts)
    except ValueError as error:
        raise marshmallow.ValidationError(
            "It must be addresses or networks such as 10.0.0.0/8, with commas between."
        ) from error


def is_prefix(text: str) -> bool:
    """True if databases can be named with this prefix."""
    try:
        _PREFIX(text)
    except marshmallow.ValidationError:
        return False
    return True


def _event_keys(folder: Path) -> tuple[bytes, ...]:
    try:
        text = secrets.read(folder, EVENT_KEYS)
        return () if text is None else read_keys(text)
    except secrets.SecretUnreadable as error:
        raise SettingsInvalid(str(error)) from error
    except KeysUnfit as error:
        raise SettingsInvalid(f"{folder / EVENT_KEYS} cannot be used: {error}") from error


def port(env: Env, name: str, default: int | None = None) -> int:
    """Read the port of `name`, a service or server of `make run` unless a default is given.

    Errors in it are raised by `seal`.
    """
    value: int = env.int(
        f"{name.upper()}_PORT",
        {**PORTS, **SERVER_PORTS}[name] if default is None else default,
        validate=marshmallow.validate.Range(1, 65535),
    )
    return value


def seal(env: Env) -> None:
    """End reading.

    :raises SettingsInvalid: a variable cannot be read; the message names each.
    """
    try:
        env.seal()
    except EnvValidationError as error:
        problems = "; ".join(
            f"{name}: {' '.join(map(str, messages))}"
            for name, messages in cast(Mapping[str, list[str]], error.error_messages).items()
        )
        raise SettingsInvalid(f"These variables cannot be read: {problems}") from error
