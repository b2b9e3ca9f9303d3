"""Keys that sign events: the same for all services, each in its own folder of secrets."""

from pathlib import Path
from secrets import token_hex

from services.registry import SERVICES
from shared import secrets
from shared.events.signature import KEY_BYTES
from shared.settings import EVENT_KEYS


def share(folder: Path) -> None:
    """Give every service the keys that one of them has, or a new key if there is none yet."""
    found = (secrets.read(folder / service, EVENT_KEYS) for service in SERVICES)
    keys = next(filter(None, found), None) or token_hex(KEY_BYTES)
    for service in SERVICES:
        secrets.ensure(folder / service, EVENT_KEYS, lambda: keys)
