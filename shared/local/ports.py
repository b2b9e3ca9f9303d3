"""What a run claims for itself on this machine: ports on loopback, and a folder for its data."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"


class PortTaken(Exception):
    """A port cannot be used; the message names it and the variable that changes it."""


class FolderTaken(Exception):
    """The folder of the data cannot be used, or another run uses it."""


def check_ports(ports: Mapping[str, int], *, host: str = LOOPBACK) -> None:
    """Make sure that every port is free. The keys are the variables that set them.

    :raises PortTaken: one of them is not.
    """
    holders: dict[int, str] = {}
    for variable, port in ports.items():
        if port in holders:
            raise PortTaken(f"{holders[port]} and {variable} both name port {port}; change one.")
        holders[port] = variable
        _check_port(port, variable=variable, host=host)


def free_port() -> int:
    """A port that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether somebody takes connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Make the folder if need be and keep other runs out of it; give its absolute path.

    :raises FolderTaken: it cannot be made, or another run has it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FolderTaken(
            f"The folder {path} cannot be used ({error.strerror}); DATA_DIR names another one."
        ) from error
    try:
        _lock(lock, path=path)
        yield path.resolve()
    finally:
        os.close(lock)


def _check_port(port: int, *, variable: str, host: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do; without it a port counts as taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = (
                "is taken by another program"
                if error.errno == errno.EADDRINUSE
                else f"cannot be opened ({error.strerror})"
            )
            raise PortTaken(f"Port {port} {why}; {variable} names another port.") from error


def _lock(lock: int, *, path: Path) -> None:
    try:
        # The kernel lets go of it when this process ends, in whatever way; no stale lock is left.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock, 20).decode(errors="replace")
        raise FolderTaken(
            f"The data in {path} are in use by another run (process {holder}); stop that one, or "
            "name another folder with DATA_DIR."
        ) from error
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
