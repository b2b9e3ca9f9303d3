"""Command that sets Kith up: databases, signing key and first log-in."""

import click

from services.cli import terminal
from services.tools import setup
from shared.settings import SettingsInvalid


@click.command(name="setup")
def set_up() -> None:
    """Build the databases of all services and the first log-in. May be repeated."""
    with terminal.explained(SettingsInvalid):
        for line in setup.run(terminal.read()):
            click.echo(line)


COMMANDS = (set_up,)
