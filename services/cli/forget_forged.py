"""Command that deletes the dead letters of forgeries, once somebody has looked after them."""

import click

from services.cli import terminal
from services.tools import events
from shared.mongo.client import connect


@click.command(name="forget-forged")
@click.option(
    "--service",
    type=click.Choice(events.subscribers()),
    help="Only those that came to this service.",
)
def forget_forged(service: str | None) -> None:
    """Delete the dead letters of forgeries. They had no effect, and cannot be redelivered."""
    settings = terminal.read()
    services = events.subscribers() if service is None else (service,)
    with terminal.explained(), connect(settings) as client:
        for name, count in events.forget_forged(settings, client, services):
            click.echo(f"{name}: {count:,} forgotten")


COMMANDS = (forget_forged,)
