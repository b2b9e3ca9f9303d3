"""The one command line, run as a person runs it."""

import os
import subprocess
import sys
from pathlib import Path

from shared.settings import Settings

ROOT = Path(__file__).parents[2]


def started(settings: Settings, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """A command that runs in a process of its own, with these settings and variables."""
    environment = {
        **os.environ,
        "MONGO_URL": settings.mongo_url,
        "REDIS_URL": settings.redis_url,
        "DATABASE_PREFIX": settings.database_prefix,
        **variables,
    }
    return subprocess.Popen(  # noqa: S603 - our own program.
        (sys.executable, "-m", "services", *arguments),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(
    settings: Settings, *arguments: str, patience: float = 120, **variables: str
) -> tuple[int, str, str]:
    """A command that was run to its end: exit code, and what it said and complained of."""
    process = started(settings, *arguments, **variables)
    said, complained = process.communicate(timeout=patience)
    return process.returncode, said, complained
