"""Terminal of every command: its settings, its errors in a sentence, its progress bars.

Every kind of process passes here, so what is heavy is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from services.registry import SERVICES
from shared import logs
from shared.secrets import SecretMissing, require
from shared.settings import EVENT_KEYS, Settings, SettingsInvalid, load

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

_NOT_LET_IN = (13, 18)
"""What MongoDB answers to nobody in particular, and to a wrong password."""
_LOG_IN = " Commands sign in by the password in SECRETS_DIR, or as the user whom MONGO_URL names."

SERVICE = click.Choice(sorted(SERVICES))
"""The type of an argument that names a service."""


def read(service: str = "") -> Settings:
    """Settings and logging of a process of `service`.

    :raises click.ClickException: a variable cannot be read.
    """
    with sentence(SettingsInvalid):
        settings = load(service, default_port=SERVICES.get(service, 8000))
    logs.configure(settings.log_level, as_json=settings.log_json)
    return settings


def read_with_keys(service: str) -> Settings:
    """Settings of a process that sends or takes events, which it must be able to sign and check.

    :raises click.ClickException: a variable cannot be read, or there are no keys.
    """
    settings = read(service)
    with sentence(SecretMissing):
        require(settings.secrets_dir, EVENT_KEYS)
    return settings


@contextmanager
def sentence(*kinds: type[Exception]) -> Iterator[None]:
    """End the command with the sentence that an exception of these kinds is.

    :raises click.ClickException: one was raised.
    """
    try:
        yield
    except kinds as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def explained(*kinds: type[Exception]) -> Iterator[None]:
    """End the command with one sentence if MongoDB is away, or refuses something.

    :raises click.ClickException: it does, or an exception of `kinds` was raised.
    """
    from pymongo.errors import OperationFailure, PyMongoError

    try:
        with sentence(SecretMissing, *kinds):
            yield
    except OperationFailure as error:
        advice = _LOG_IN if error.code in _NOT_LET_IN else ""
        raise click.ClickException(
            f"MongoDB refused something ({str(error)[:200]}).{advice}"
        ) from error
    except PyMongoError as error:
        raise click.ClickException(
            f"MongoDB failed ({str(error)[:200]}); MONGO_URL names another server."
        ) from error


class Bars:
    """A bar for each thing that is under way or done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, tuple[TaskID, int]] = {}

    def show(self, name: str, done: int, of: int | None) -> None:
        """Move the bar of a thing; one that starts again, as in another phase, gets a new bar.

        `of` is None as long as nobody knows how many there are.
        """
        task, before = self._tasks.get(name, (None, 0))
        if task is None or done < before:
            task = self._progress.add_task(name)
        self._tasks[name] = task, done
        self._progress.update(task, completed=done, total=of)


@contextmanager
def bars(console: Console | None = None) -> Iterator[Bars]:
    """Bars on standard error, or on another console; none where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    console = console or Console(stderr=True)
    with RichProgress(
        TextColumn("{task.description:>24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        # Into a file it would write the bars once, at the end, when they say nothing any more.
        disable=not console.is_terminal,
    ) as progress:
        yield Bars(progress)
