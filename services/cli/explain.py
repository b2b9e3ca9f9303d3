"""Command that shows what each list of the API costs the database."""

from collections.abc import Iterable

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli import terminal
from services.tools import explain
from services.tools.explain import Ask


@click.command(name="explain")
def show_costs() -> None:
    """Show what each list costs the database, by each filter, on your data."""
    settings = terminal.read()
    with terminal.explained(explain.NotSetUp):
        asks = list(explain.run(settings))
    Console().print(costs(asks))
    if not all(ask.is_served for ask in asks):
        raise click.ClickException("Some lists are not served by an index; they are marked above.")


COMMANDS = (show_costs,)


def costs(asks: Iterable[Ask]) -> Table:
    """A table of the cost of each page of each list."""
    table = Table(
        title="What each page of each list costs; at most one entry more than it returns is read",
        title_justify="left",
    )
    table.add_column("list, by")
    table.add_column("index")
    for heading in ("page", "keys", "documents", "returned", "ms"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for ask in asks:
        table.add_row(
            Text(_filters(ask)),
            ", ".join(ask.indexes) or "none",
            str(ask.page),
            f"{ask.keys:,}",
            f"{ask.documents:,}",
            f"{ask.returned:,}",
            f"{sum(query.microseconds for query, _ in ask.queries) / 1_000:.1f}",
            _verdict(ask),
        )
    return table


def _filters(ask: Ask) -> str:
    shown = " ".join(
        f"{name}={values[0] if len(values) == 1 else f'({len(values)})'}"
        for name, values in ask.filters.items()
    )
    return f"{ask.route.path} {shown}".strip()


def _verdict(ask: Ask) -> Text:
    if not ask.is_served:
        return Text("no index serves this", style="bold red")
    if ask.narrows:
        return Text(f"looks through {ask.narrows}", style="yellow")
    return Text("served", style="green")
