"""Command that shows the state of the databases, and what to do."""

from collections.abc import Iterable

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli import terminal
from services.tools import doctor
from shared.doctor.findings import Finding, Level

_STYLES = {Level.GOOD: "green", Level.LOOK: "yellow", Level.BAD: "bold red"}


@click.command(name="doctor")
@click.option(
    "--profile",
    metavar="MS|off",
    help="Have the server note queries that take this many milliseconds, or none.",
)
def show_health(profile: str | None) -> None:
    """Show the state of the databases and what to do; exit 1 if anything is bad."""
    settings = terminal.read()
    if profile not in (None, "off") and not profile.isdecimal():
        raise click.BadParameter("Give a number of milliseconds, or off.")
    with terminal.explained():
        if profile is not None:
            doctor.note_slow_queries(
                settings, milliseconds=None if profile == "off" else int(profile)
            )
        with Console(stderr=True).status("Looking at every document"):
            findings = list(doctor.run(settings))
    Console().print(health(findings))
    if any(finding.level is Level.BAD for finding in findings):
        raise click.ClickException("Something is bad; the lines above say what to do.")


COMMANDS = (show_health,)


def health(findings: Iterable[Finding]) -> Table:
    """A table of the findings, each with what to do where it is not good."""
    table = Table(title="How the databases are", title_justify="left")
    for heading in ("", "what", "how it is", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(
            Text(finding.level.words, style=_STYLES[finding.level]),
            Text(finding.subject),
            Text(finding.state),
            Text(finding.advice),
        )
    return table
