"""Command that imports a file through the running services."""

import time
from pathlib import Path

import click

from services.cli import import_client, terminal
from shared.api_client import ApiClient, ApiUnreachable


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--preset", help="A mapping that comes with Kith, such as online-retail.")
@click.option(
    "--mapping", type=click.Path(path_type=Path), help="A mapping of your own: a JSON file."
)
def import_file(file: Path, preset: str | None, mapping: Path | None) -> None:
    """Import FILE through the running services, and account for every row."""
    settings = terminal.read()
    with terminal.sentence(import_client.ImportFailed, ApiUnreachable):
        token = import_client.sign_in(
            settings.accounts_url,
            token=settings.token,
            email=settings.admin_email,
            password=settings.admin_password,
        )
        with terminal.bars() as bars:
            job = import_client.run(
                ApiClient(settings.imports_url, token),
                import_client.ImportRequest(file=file, preset=preset, mapping=mapping),
                progress=bars.show,
                sleep=time.sleep,
            )
    for line in import_client.account(job):
        click.echo(line)
    if not import_client.is_accounted_for(job):
        raise click.ClickException("Some rows are not accounted for.")


COMMANDS = (import_file,)
