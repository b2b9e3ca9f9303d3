"""Command that applies migrations, which turn documents of an older form into today's."""

from time import perf_counter

import click

from services.cli import terminal
from services.cli.schema import connected
from services.registry import SERVICES
from services.tools import migrate, schema
from services.tools.migrate import Done
from shared.local.signals import interrupted_once
from shared.mongo.migrations import LockLost, MigrationHeld, MigrationsUnfit
from shared.mongo.migrations.runner import BATCH

NAMED = 10
"""Documents that are named when they cannot be migrated; the record names more."""


@click.command(name="migrate")
@click.option("--service", type=terminal.SERVICE, help="Of this service alone.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=BATCH,
    show_default=True,
    help="Documents that are written at once; fewer leave more room for requests.",
)
def apply_migrations(service: str | None, dry_run: bool, batch: int) -> None:
    """Apply the migrations that are pending, while everybody goes on working."""
    settings = terminal.read()
    services = tuple(SERVICES) if service is None else (service,)
    try:
        with connected(settings) as client, interrupted_once(), terminal.bars() as shown:
            if not dry_run:
                for line in schema.update(settings, client):
                    click.echo(line)
            began, count = perf_counter(), 0
            for done in migrate.apply(
                settings,
                client,
                services,
                progress=shown.show,
                batch=batch,
                only_rehearse=dry_run,
            ):
                count += 1
                _tell(done, seconds=perf_counter() - began, dry_run=dry_run)
                began = perf_counter()
    except (MigrationsUnfit, MigrationHeld, LockLost) as error:
        raise click.ClickException(str(error)) from error
    if not count:
        click.echo("migrate: nothing is pending")


def _tell(done: Done, *, seconds: float, dry_run: bool) -> None:
    account = done.account
    verbs = ("would be migrated", "would fail") if dry_run else ("migrated", "failed")
    click.echo(
        f"{done.service} {done.migration.name}: {account.count:,} documents: {account.migrated:,} "
        f"{verbs[0]}, {account.already_new:,} already new, {account.failed:,} {verbs[1]}; "
        f"in {seconds:.1f} s"
    )
    for failure in account.failures[:NAMED]:
        click.echo(f"  {failure['id']}: {failure['reason']}", err=True)
    if account.problem:
        raise click.ClickException(account.problem)


COMMANDS = (apply_migrations,)
