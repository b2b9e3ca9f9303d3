"""Callers at network addresses of their own: all of 127.0.0.0/8 is this machine's."""

from itertools import count
from secrets import randbelow
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from shared.local.ports import LOOPBACK

# One run after another may meet the same Kith, so no two begin at the same address.
_addresses = count((1 << 16) + randbelow(1 << 22))


class _FromAddress(HTTPAdapter):
    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Connections that begin at the address."""
        super().init_poolmanager(*args, **options, source_address=(self._address, 0))


class Caller:
    """Somebody who signs in at accounts from one address, and keeps the connection."""

    def __init__(self, port: int, address: str) -> None:
        self.address = address
        self._url = f"http://{LOOPBACK}:{port}/v1/tokens"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", _FromAddress(address))

    def try_in(self, email: str, password: str, **headers: str) -> requests.Response:
        """What accounts answers to an e-mail address and a password."""
        body = {"email": email, "password": password}
        return self._session.post(self._url, json=body, headers=headers, timeout=60)


def new_address() -> str:
    """An address from which nobody has called."""
    number = next(_addresses)
    return f"127.{number >> 16 & 127}.{number >> 8 & 255}.{number & 255}"
