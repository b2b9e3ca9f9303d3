"""Command that lets somebody in as an admin again, with a password that is said once."""

import click

from services.cli import terminal
from services.tools import admin_password
from services.tools.admin_password import AdminNotMade


# An address may begin with a dash.
@click.command(name="admin-password", context_settings={"ignore_unknown_options": True})
@click.argument("email")
def let_in(email: str) -> None:
    """Make the user of EMAIL an active admin with a new one-time password."""
    with terminal.explained(AdminNotMade):
        for line in admin_password.run(terminal.read(), email):
            click.echo(line)


COMMANDS = (let_in,)
