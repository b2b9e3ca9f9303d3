"""Ports on loopback and the data folder that a run claims for itself. Knows no server."""

import errno
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shared.file_lock import LockHeld, locked

LOOPBACK = "127.0.0.1"


class PortTaken(Exception):
    """A port cannot be used; the message names it and the variable that changes it."""


class FolderTaken(Exception):
    """The folder of the data cannot be used, or another run uses it."""


def check_ports(
    ports: Mapping[str, int], *, host: str = LOOPBACK, beside_others: bool = False
) -> None:
    """Make sure that every port is free. The keys are the variables that set them.

    `beside_others` takes a port for free that others of its own kind share by SO_REUSEPORT, as web
    processes do while one takes over from another.

    :raises PortTaken: one of them is not.
    """
    holders: dict[int, str] = {}
    for variable, port in ports.items():
        if port in holders:
            raise PortTaken(f"{holders[port]} and {variable} both name port {port}; change one.")
        holders[port] = variable
        _check_port(port, variable=variable, host=host, beside_others=beside_others)


def free_port() -> int:
    """Find a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int, *, host: str = LOOPBACK) -> bool:
    """True if a program takes connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Make the folder if need be and keep other runs out of it; gives its absolute path.

    :raises FolderTaken: it cannot be made, or another run has it.
    """
    with ExitStack() as held:
        try:
            path.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(path / "lock"))
        except LockHeld as error:
            raise FolderTaken(
                f"The data in {path} are in use by another run (process {error.holder}); stop that "
                "one, or name another folder with DATA_DIR."
            ) from error
        except OSError as error:
            raise FolderTaken(
                f"The folder {path} cannot be used ({error.strerror}); DATA_DIR names another one."
            ) from error
        yield path.resolve()


def _check_port(port: int, *, variable: str, host: str, beside_others: bool) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do; without it a port counts as taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if beside_others and hasattr(socket, "SO_REUSEPORT"):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = (
                "is taken by another program"
                if error.errno == errno.EADDRINUSE
                else f"cannot be opened ({error.strerror})"
            )
            raise PortTaken(f"Port {port} {why}; {variable} names another port.") from error
