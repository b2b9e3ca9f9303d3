"""The one command line of Kith: runs any process of any service, builds the schema, loads data."""

import importlib
import signal
import sys
import threading
import time
from pathlib import Path

import click
from granian import Granian
from granian.constants import Interfaces
from rich.console import Console

from services.commands import backup, environment
from shared.api_client import ApiClient, ApiUnreachable
from shared.database import connect, database
from shared.messages import BrokerUnfit, broker_client, create_celery, wait_for_fit_broker
from shared.outbox import Relay
from shared.settings import PORTS, Settings, SettingsInvalid
from shared.worker import run_worker

SERVICES = click.Choice(sorted(PORTS))


@click.group()
def cli() -> None:
    """Kith, the CRM that remembers."""


@cli.command()
@click.argument("service", type=SERVICES)
def web(service: str) -> None:
    """Answer HTTP for SERVICE."""
    settings = environment.read(service)
    Granian(
        f"services.{service}.app:web",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.host,
        port=settings.port,
        workers=settings.web_workers,
        # One thread a request; the default, hundreds, would only fight for the interpreter.
        blocking_threads=settings.web_threads,
        websockets=False,
        log_access=False,
        # A worker that crashes is started again, instead of the whole process ending.
        respawn_failed_workers=True,
        # Requests under way get this long to end after SIGTERM.
        workers_kill_timeout=5,
    ).serve()


@cli.command()
@click.argument("service", type=SERVICES)
def worker(service: str) -> None:
    """Hear events for SERVICE."""
    settings = environment.read(service)
    _require_fit_broker(settings)
    run_worker(
        importlib.import_module(f"services.{service}.worker").create_worker(settings), settings
    )


@cli.command()
@click.argument("service", type=SERVICES)
def relay(service: str) -> None:
    """Send what happened in SERVICE to the services that hear it."""
    settings = environment.read(service)
    _require_fit_broker(settings)
    collections = importlib.import_module(f"services.{service}.documents").COLLECTIONS
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    Relay(
        service,
        database(connect(settings), settings, service),
        tuple(collection.name for collection in collections if collection.outbox),
        celery=create_celery(service, settings),
        broker=broker_client(settings),
        settings=settings,
    ).run(stop)


@cli.command()
def setup() -> None:
    """Build the databases of all services and the first log-in. May be run any number of times."""
    from services import setup as steps

    try:
        for line in steps.run(environment.read()):
            click.echo(line)
    except SettingsInvalid as error:
        raise click.ClickException(str(error)) from error


@cli.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--preset", help="A mapping that comes with Kith, such as online-retail.")
@click.option(
    "--mapping", type=click.Path(path_type=Path), help="A mapping of your own: a JSON file."
)
def import_file(file: Path, preset: str | None, mapping: Path | None) -> None:
    """Import FILE through the running services, and account for every row."""
    from services.imports import client

    settings = environment.read()
    try:
        token = client.sign_in(
            settings.accounts_url,
            token=settings.token,
            email=settings.admin_email,
            password=settings.admin_password,
        )
        job = client.run(
            ApiClient(settings.imports_url, token),
            client.Errand(file=file, preset=preset, mapping=mapping),
            console=Console(stderr=True),
            sleep=time.sleep,
        )
    except (client.ImportFailed, ApiUnreachable) as error:
        raise click.ClickException(str(error)) from error
    for line in client.account(job):
        click.echo(line)
    if not client.is_accounted_for(job):
        raise click.ClickException("Some rows are not accounted for.")


@cli.command()
def sample() -> None:
    """Load a small generated shop, unless there are customers or orders already."""
    from services import sample as shop

    click.echo(shop.load(environment.read(), customers=200, orders=1_000))


@cli.command()
def run() -> None:
    """Run all of Kith on this machine."""
    from services import launcher

    sys.exit(launcher.run())


def _require_fit_broker(settings: Settings) -> None:
    try:
        wait_for_fit_broker(broker_client(settings))
    except BrokerUnfit as error:
        raise click.ClickException(str(error)) from error


for command in backup.COMMANDS:
    cli.add_command(command)

if __name__ == "__main__":
    cli(prog_name="kith")
