"""Passwords by which a process signs in to MongoDB and Redis. Knows neither of them."""

from pathlib import Path
from urllib.parse import urlsplit

from shared import secrets


def password(url: str, *, user: str, folder: Path, name: str) -> str | None:
    """The password of `user` for the server at `url`; None if nobody is to sign in by a file.

    That is so if the address names somebody itself, or there is no file: the server then has to be
    one that asks for none.
    """
    if not user or urlsplit(url).username is not None:
        return None
    return secrets.read(folder, name)
