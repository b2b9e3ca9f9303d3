"""Sees each command that goes to the database, and notes those that carry what none may carry."""

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)


class Spy(CommandListener):
    """The commands in which one of `marks` was found, and how many there were."""

    def __init__(self, *marks: str) -> None:
        self._marks = marks
        self.found: list[str] = []
        self.commands = 0

    def started(self, event: CommandStartedEvent) -> None:
        """Look at one."""
        self.commands += 1
        text = str(event.command)
        self.found += [f"{event.command_name}: {mark}" for mark in self._marks if mark in text]

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to note."""
