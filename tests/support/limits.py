"""Records the time limit that each command carries to the server."""

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)


class Limits(CommandListener):
    """The limit in milliseconds of each command that asks for something, or None."""

    def __init__(self) -> None:
        self.found: list[int | None] = []

    def started(self, event: CommandStartedEvent) -> None:
        """Note one."""
        if event.command_name in {"find", "aggregate", "insert", "update", "findAndModify"}:
            self.found.append(event.command.get("maxTimeMS"))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to note."""
