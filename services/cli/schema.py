"""Commands that build the databases as declared, and compare them with what is declared."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

from services.cli import terminal
from services.tools import migrate, schema
from shared.document import Document
from shared.mongo.client import connect
from shared.mongo.migrations import MigrationsUnfit
from shared.settings import Settings


@click.command(name="schema")
@click.option("--prune", is_flag=True, help="Drop indexes that nobody declares.")
def build_schema(prune: bool) -> None:
    """Build collections, rules and indexes of all services; says what it changed."""
    settings = terminal.read()
    count = 0
    with connected(settings) as client:
        for line in schema.update(settings, client, prune=prune):
            count += 1
            click.echo(line)
        if not count:
            click.echo("schema: everything is as declared, nothing was changed")
        for line in migrate.settle_new(settings, client):
            click.echo(line)


@click.command(name="schema-check")
def check_schema() -> None:
    """Compare the databases with what is declared; exit 1 on any difference. Changes nothing."""
    settings = terminal.read()
    with connected(settings) as client:
        found = list(schema.differences(settings, client))
        try:
            pending = list(migrate.tell_pending(settings, client))
        except MigrationsUnfit as error:
            found.append(str(error))
            pending = []
    for sentence in [*found, *pending]:
        click.echo(sentence)
    if found:
        raise click.ClickException(
            f"The databases are not as declared in {len(found)} ways, named above; `make schema` "
            "builds what is missing or has changed, and with PRUNE=1 drops indexes nobody declares."
        )
    click.echo("OK: the databases are as declared")


COMMANDS = (build_schema, check_schema)


@contextmanager
def connected(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client, and one sentence instead of a trace when the server fails."""
    with terminal.explained():
        try:
            # To build an index over everything takes as long as it takes.
            with connect(settings, patient=True) as client:
                yield client
        except DuplicateKeyError as error:
            pattern = ", ".join((error.details or {}).get("keyPattern", {}))
            raise click.ClickException(
                f"Documents have the same {pattern or 'value'}, which a new index forbids; "
                "change them, then run this again. What was there before is in force."
            ) from error
