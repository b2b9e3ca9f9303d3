"""Command that loads a generated shop. Knows no database."""

import click

from services.cli import terminal
from services.tools.sample import loading, measuring
from services.tools.sample.plan import SEED, Plan


@click.command(name="sample")
@click.option("--customers", type=click.IntRange(1, 10**7), default=200, show_default=True)
@click.option("--orders", type=click.IntRange(0, 10**8), default=1_000, show_default=True)
@click.option("--seed", type=int, help="Another seed gives another shop.")
@click.option("--add", is_flag=True, help="Load it beside the data that are there.")
@click.option(
    "--measure", is_flag=True, help="Only compare its speed with a bare insert_many, in scratch."
)
def sample(customers: int, orders: int, seed: int | None, add: bool, measure: bool) -> None:
    """Load a generated shop, the same for the same seed, unless there are data already."""
    plan = Plan(customers=customers, orders=orders, seed=SEED if seed is None else seed)
    settings = terminal.read()
    with terminal.explained(), terminal.bars() as bars:
        if measure:
            said = str(measuring.measure(settings, plan, progress=bars.show))
        else:
            said = loading.load(settings, plan, add=add, progress=bars.show)
    click.echo(said)


COMMANDS = (sample,)
