"""Command that makes the passwords and keys of an installation, before any server starts."""

import click

from services.cli import terminal
from services.tools import secrets
from shared.secrets import SecretMissing


@click.command(name="secrets")
def make_secrets() -> None:
    """Make the passwords and keys that are missing, beside the folder SECRETS_DIR."""
    with terminal.sentence(SecretMissing):
        secrets.make(terminal.read().secrets_dir.parent)


COMMANDS = (make_secrets,)
