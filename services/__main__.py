"""The one command line of Kith: runs any process of any service, builds the schema, loads data."""

import importlib
import itertools
import signal
import sys
import threading
import time
from pathlib import Path

import click
from granian import Granian
from granian.constants import Interfaces
from rich.console import Console

from services.cli import backup, events, migrate, schema, terminal
from services.cli.failures import explained
from shared.api_client import ApiClient, ApiUnreachable
from shared.messaging.broker import BrokerUnfit, broker_client, create_celery, wait_for_fit_broker
from shared.messaging.relay import Relay
from shared.messaging.worker import run_worker
from shared.mongo.client import connect, service_database
from shared.settings import PORTS, Settings, SettingsInvalid

SERVICES = click.Choice(sorted(PORTS))


@click.group()
def cli() -> None:
    """Kith, the CRM that remembers."""


@cli.command()
@click.argument("service", type=SERVICES)
def web(service: str) -> None:
    """Answer HTTP for SERVICE."""
    settings = terminal.read(service)
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
    settings = terminal.read(service)
    _require_fit_broker(settings)
    run_worker(
        importlib.import_module(f"services.{service}.worker").create_worker(settings), settings
    )


@cli.command()
@click.argument("service", type=SERVICES)
def relay(service: str) -> None:
    """Send what happened in SERVICE to the services that hear it."""
    settings = terminal.read(service)
    _require_fit_broker(settings)
    collections = importlib.import_module(f"services.{service}.documents").COLLECTIONS
    sends = importlib.import_module(f"services.{service}").PUBLISHES
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    Relay(
        service,
        service_database(connect(settings), settings, service),
        tuple(collection.name for collection in collections if collection.outbox),
        subscribers=tuple(sorted({service, *itertools.chain(*sends.values())})),
        celery=create_celery(service, settings),
        broker=broker_client(settings),
        settings=settings,
    ).run(stop)


@cli.command()
def setup() -> None:
    """Build the databases of all services and the first log-in. May be run any number of times."""
    from services.tools import setup as steps

    try:
        for line in steps.run(terminal.read()):
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
    from services.cli import import_client

    settings = terminal.read()
    try:
        token = import_client.sign_in(
            settings.accounts_url,
            token=settings.token,
            email=settings.admin_email,
            password=settings.admin_password,
        )
        job = import_client.run(
            ApiClient(settings.imports_url, token),
            import_client.ImportRequest(file=file, preset=preset, mapping=mapping),
            console=Console(stderr=True),
            sleep=time.sleep,
        )
    except (import_client.ImportFailed, ApiUnreachable) as error:
        raise click.ClickException(str(error)) from error
    for line in import_client.account(job):
        click.echo(line)
    if not import_client.is_accounted_for(job):
        raise click.ClickException("Some rows are not accounted for.")


@cli.command()
@click.option("--customers", type=click.IntRange(1, 10**7), default=200, show_default=True)
@click.option("--orders", type=click.IntRange(0, 10**8), default=1_000, show_default=True)
@click.option("--seed", type=int, help="Another seed gives another shop.")
@click.option("--add", is_flag=True, help="Load it beside the data that are there.")
@click.option(
    "--measure", is_flag=True, help="Only compare its speed with a bare insert_many, in scratch."
)
def sample(customers: int, orders: int, seed: int | None, add: bool, measure: bool) -> None:
    """Load a generated shop, the same for the same seed, unless there are data already."""
    from services.tools.sample import loading, measuring
    from services.tools.sample.plan import SEED, Plan

    plan = Plan(customers=customers, orders=orders, seed=SEED if seed is None else seed)
    settings = terminal.read()
    with explained():
        if measure:
            click.echo(str(measuring.measure(settings, plan, console=Console(stderr=True))))
        else:
            click.echo(loading.load(settings, plan, add=add))


@cli.command()
def explain() -> None:
    """Ask every list by every filter, and show what each costs the database."""
    from services.cli.tables import costs
    from services.tools import explain as walk

    settings = terminal.read()
    try:
        with explained():
            asks = list(walk.run(settings))
    except walk.NotSetUp as error:
        raise click.ClickException(str(error)) from error
    Console().print(costs(asks))
    if not all(ask.is_served for ask in asks):
        raise click.ClickException("Some lists are not served by an index; they are marked above.")


@cli.command()
@click.option(
    "--profile",
    metavar="MS|off",
    help="Have the server note queries that take this many milliseconds, or none.",
)
def doctor(profile: str | None) -> None:
    """Show how the databases are and what to do; exit 1 if anything is bad."""
    from services.cli.tables import health
    from services.tools import doctor as ward
    from shared.doctor.findings import Level

    settings = terminal.read()
    if profile not in (None, "off") and not profile.isdecimal():
        raise click.BadParameter("Give a number of milliseconds, or off.")
    with explained():
        if profile is not None:
            ward.note_slow_queries(
                settings, milliseconds=None if profile == "off" else int(profile)
            )
        with Console(stderr=True).status("Looking at every document"):
            findings = list(ward.run(settings))
    Console().print(health(findings))
    if any(finding.level is Level.BAD for finding in findings):
        raise click.ClickException("Something is bad; the lines above say what to do.")


@cli.command()
def run() -> None:
    """Run all of Kith on this machine."""
    from services.tools import run as launcher

    sys.exit(launcher.run())


def _require_fit_broker(settings: Settings) -> None:
    try:
        wait_for_fit_broker(broker_client(settings))
    except BrokerUnfit as error:
        raise click.ClickException(str(error)) from error


for command in (
    *backup.COMMANDS,
    *events.COMMANDS,
    *migrate.COMMANDS,
    *schema.COMMANDS,
):
    cli.add_command(command)

if __name__ == "__main__":
    cli(prog_name="kith")
