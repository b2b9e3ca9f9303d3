"""Files of secrets, one for each: passwords and keys of a process, made once, for its owner alone.

The folder is `Settings.secrets_dir`. Knows no secret's meaning.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

_FOLDER_MODE = stat.S_IRWXU


class SecretMissing(Exception):
    """A secret that a process cannot do without is not there; the message names its file."""


def read(folder: Path, name: str) -> str | None:
    """The secret of this name, without the line feed at its end; None if there is none."""
    try:
        return (folder / name).read_text().strip() or None
    except FileNotFoundError:
        return None


def require(folder: Path, name: str) -> str:
    """The secret of this name.

    :raises SecretMissing: there is none.
    """
    found = read(folder, name)
    if found is None:
        raise SecretMissing(
            f"{folder / name} is missing or empty; make run and the setup step make it. "
            "SECRETS_DIR names the folder."
        )
    return found


def ensure(folder: Path, name: str, make: Callable[[], str]) -> str:
    """The secret of this name, made first if there is none; the file is its owner's alone (0600).

    Of several processes that make it at once, all get that of the first.
    """
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)
    if (found := read(folder, name)) is None:
        _write_once(folder / name, make())
        found = require(folder, name)
    return found


def put(folder: Path, name: str, text: str) -> None:
    """Make `text` the secret of this name, whatever it was before; never half of it."""
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)
    if read(folder, name) == text.strip():
        return
    with NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.write(f"{text.strip()}\n")
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(folder / name)


def _write_once(path: Path, text: str) -> None:
    # A temporary file is 0600 from its first moment; a link cannot replace what is there.
    with NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            return
