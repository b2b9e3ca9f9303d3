"""Files of secrets, one for each: passwords and keys of a process, made once, for its owner alone.

The folder is `Settings.secrets_dir`. Knows no secret's meaning.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

_FOLDER_MODE = stat.S_IRWXU
_FILE_MODE = stat.S_IRUSR | stat.S_IWUSR


class SecretMissing(Exception):
    """A secret that a process cannot do without is not there; the message names its file."""


class SecretUnreadable(SecretMissing):
    """A secret is there, and this process cannot read it; the message names its file."""


def read(folder: Path, name: str) -> str | None:
    """The secret of this name, without the line feed at its end; None if there is none.

    :raises SecretUnreadable: it is another user's, or no text.
    """
    try:
        return (folder / name).read_text().strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SecretUnreadable(
            f"{folder / name} cannot be read ({error.strerror}); SECRETS_DIR names another folder."
        ) from error
    except UnicodeError as error:
        raise SecretUnreadable(f"{folder / name} cannot be used: It is no text.") from error


def require(folder: Path, name: str) -> str:
    """The secret of this name.

    :raises SecretMissing: there is none, or it cannot be read.
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

    :raises SecretMissing: the file is empty, or cannot be read.
    """
    _make_folder(folder)
    if (found := read(folder, name)) is None:
        _write_once(folder / name, make())
        found = read(folder, name)
    if found is None:
        # Not replaced: what was in it may be in a backup, and be needed to read what it sealed.
        raise SecretMissing(f"{folder / name} is empty; put back what was in it, or remove it.")
    _close(folder / name)
    return found


def put(folder: Path, name: str, text: str) -> None:
    """Make `text` the secret of this name, whatever it was before; never half of it."""
    _make_folder(folder)
    if read(folder, name) == text.strip():
        _close(folder / name)
        return
    with NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.write(f"{text.strip()}\n")
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(folder / name)


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)


def _close(path: Path) -> None:
    """Take from all others what they may do with the file: copies often come with that."""
    if stat.S_IMODE(path.stat().st_mode) != _FILE_MODE:
        path.chmod(_FILE_MODE)


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
