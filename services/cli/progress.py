"""How a command shows on a terminal how far its work has come."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Bars:
    """A bar for every collection that is under way or done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._name, self._task = "", progress.add_task("", visible=False)

    def show(self, name: str, done: int, of: int) -> None:
        """Move the bar of a collection; a new one is begun for another."""
        if name != self._name:
            self._name, self._task = name, self._progress.add_task(name)
        self._progress.update(self._task, completed=done, total=of)


@contextmanager
def bars() -> Iterator[Bars]:
    """Bars on standard error; none where that is no terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description:>24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        # Into a file it would write the bars once, at the end, when they say nothing any more.
        disable=not console.is_terminal,
    ) as progress:
        yield Bars(progress)
