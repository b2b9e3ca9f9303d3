"""Command that runs all of Kith on this machine."""

import sys

import click

from services.tools import run


@click.command(name="run")
def run_all() -> None:
    """Run all of Kith on this machine."""
    sys.exit(run.run())


COMMANDS = (run_all,)
