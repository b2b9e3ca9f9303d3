"""Entry point of the command line: finds the file of `cli/` in which a command is.

A file is imported when one of its commands is called, so that a process loads what it uses.
"""

from importlib import import_module

import click

FILES = {
    "admin-password": "admin_password",
    "backup": "backup",
    "dead-letters": "events",
    "doctor": "doctor",
    "events": "events",
    "explain": "explain",
    "forget-forged": "forget_forged",
    "import": "import_file",
    "migrate": "migrate",
    "relay": "relay",
    "replay": "events",
    "restore": "backup",
    "restore-check": "backup",
    "resync": "events",
    "run": "run",
    "sample": "sample",
    "schema": "schema",
    "schema-check": "schema",
    "secrets": "secrets",
    "setup": "setup",
    "web": "web",
    "worker": "worker",
}
"""Each command, and the file of `cli/` that has it among its `COMMANDS`."""


class LazyGroup(click.Group):
    """Commands that are imported when they are called, or listed by `--help`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature.
        """The names of all commands."""
        return sorted(FILES)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature.
        cmd_name: str,
    ) -> click.Command | None:
        """The command of this name, or None."""
        if cmd_name not in FILES:
            return None
        commands: tuple[click.Command, ...] = import_module(
            f"services.cli.{FILES[cmd_name]}"
        ).COMMANDS
        return next(command for command in commands if command.name == cmd_name)


@click.group(cls=LazyGroup)
def cli() -> None:
    """Kith, the CRM that remembers."""


if __name__ == "__main__":
    cli(prog_name="kith")
