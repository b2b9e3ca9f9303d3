"""Seals delegations: whoever reads the database of imports cannot use one. Knows no database."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cached_property
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken

KEY = "delegation_key"
"""The name of the secret that the key is made of."""


class SealBroken(Exception):
    """A delegation cannot be opened: it was sealed with another key."""


class Seal:
    """Closes and opens delegations with the key of this installation."""

    def __init__(self, read_secret: Callable[[], str]) -> None:
        # Read when it is first needed: commands that only look at lists have no such secret.
        self._read_secret = read_secret

    def close(self, delegation: str) -> str:
        """A delegation as it is stored."""
        return self._fernet.encrypt(delegation.encode()).decode("ascii")

    def open(self, stored: str) -> str:
        """The delegation behind what is stored. The release before stored it as it is.

        :raises SealBroken: it was sealed with another key.
        """
        if "." in stored:
            return stored
        try:
            return self._fernet.decrypt(stored.encode()).decode()
        except InvalidToken as error:
            raise SealBroken("The delegation was sealed with another key.") from error

    @cached_property
    def _fernet(self) -> Fernet:
        # Whatever form the secret has, Fernet wants 32 bytes.
        return Fernet(urlsafe_b64encode(sha256(self._read_secret().encode()).digest()))
