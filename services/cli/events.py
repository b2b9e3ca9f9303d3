"""Commands about events: show what waits, list and redeliver dead letters, republish states."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from pymongo import MongoClient
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli import terminal
from services.tools import events, resync
from services.tools.events import Overview
from shared.doctor.events import STUCK_SECONDS
from shared.doctor.findings import span
from shared.document import Document
from shared.local.signals import interrupted_once
from shared.messaging.dead_letters import Letter, Replay
from shared.mongo.client import connect
from shared.settings import Settings

_ONE = click.Choice(events.subscribers())


def _moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """A time such as 2026-11-24T00:00Z; without an offset it is UTC."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text} is no time; give one such as 2026-11-24T00:00Z."
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


@click.command(name="events")
def show_events() -> None:
    """Show which events wait, for whom and since when; exit 1 if any is stuck."""
    settings = terminal.read()
    with _connected(settings) as client:
        found = list(events.overview(settings, client, now=datetime.now(UTC)))
    Console().print(waiting_events(found))
    stuck = [one.service for one in found if one.is_stuck]
    if stuck:
        raise click.ClickException(
            f"Somebody has to look after the events of {', '.join(stuck)}: those that wait for "
            "minutes go out once Redis, relays and workers run; the others: make dead-letters"
        )


@click.command(name="dead-letters")
@click.option("--service", type=_ONE, help="Only those of the service that could not handle them.")
def list_dead_letters(service: str | None) -> None:
    """List dead letters, why each was dead-lettered, and what to do."""
    settings, now = terminal.read(), datetime.now(UTC)
    count = 0
    with _connected(settings) as client:
        for subscriber, letter in events.letters(settings, client, _services(service)):
            count += 1
            since = span((now - letter.parked_at).total_seconds())
            click.echo(f"{letter.id}  {subscriber}  {letter.event}  {letter.source}  since {since}")
            click.echo(f"  {letter.error}")
            click.echo(f"  {letter.remedy}")
    click.echo(f"{count:,} dead letters" if count else "no dead letters")


@click.command(name="replay")
@click.option("--id", "ids", help="The ids of dead letters, with spaces or commas between them.")
@click.option("--since", callback=_moment, help="All that were dead-lettered since this moment.")
@click.option("--service", type=_ONE, help="Only those of the service that could not handle them.")
@click.option("--wait", type=click.IntRange(0), default=30, show_default=True, help="Seconds.")
def replay(ids: str | None, since: datetime | None, service: str | None, wait: int) -> None:
    """Redeliver dead letters under the same ids. May be repeated."""
    if not ids and since is None:
        raise click.UsageError(
            "Say which: make replay ID=…, or make replay SINCE=2026-11-24T00:00Z (SERVICE=…)."
        )
    settings, wanted = terminal.read(), ids.replace(",", " ").split() if ids else None
    with _connected(settings) as client:
        found = list(events.letters(settings, client, _services(service), since=since, ids=wanted))
        fine = _say_unknown(wanted or [], found)
        sent: list[tuple[str, Letter]] = []
        for subscriber, letter, outcome in events.replay(
            settings, client, found, now=datetime.now(UTC)
        ):
            click.echo(f"{letter.id}  {subscriber}  {letter.event}: {outcome.value}")
            fine = fine and outcome not in {Replay.BROKEN, Replay.FORGED}
            if outcome in {Replay.SENT, Replay.WAITS}:
                sent.append((subscriber, letter))
        fine = _await(settings, client, sent, seconds=wait) and fine
    if not fine:
        raise click.ClickException("Not all could be handled; the lines above say why.")
    click.echo(f"{len(found):,} dead letters")


@click.command(name="resync")
@click.option(
    "--service", type=click.Choice(sorted(resync.SOURCES)), help="Only this one's documents."
)
@click.option("--after", default="", help="Go on after this id, where an earlier run ended.")
def republish(service: str | None, after: str) -> None:
    """Republish the state of all documents, to rebuild lost copies."""
    if after and service is None:
        raise click.UsageError("AFTER needs SERVICE: an id belongs to the documents of one.")
    settings, step = terminal.read(), None
    with _connected(settings) as client:
        services = sorted(resync.SOURCES) if service is None else [service]
        try:
            with interrupted_once(), terminal.bars() as shown:
                for step in resync.run(
                    settings, client, services, after=after, wait=lambda: time.sleep(0.2)
                ):
                    shown.show(step.service, step.done, step.of)
        except KeyboardInterrupt:
            if step is not None and step.last:
                click.echo(
                    f"Go on with: make resync SERVICE={step.service} AFTER={step.last}", err=True
                )
            raise
    click.echo("All states are in the outboxes; make events shows when they were handled.")


COMMANDS = (show_events, list_dead_letters, replay, republish)


def waiting_events(overviews: Iterable[Overview]) -> Table:
    """A table of the events that wait in each service, and of its dead letters."""
    table = Table(
        title="Events that wait for a receipt, and dead letters",
        title_justify="left",
        # Names are long, and no terminal is wider for them.
        box=SIMPLE_HEAD,
    )
    for heading in ("of", "for", "event"):
        table.add_column(heading)
    for heading in ("unsent", "sent", "oldest", "dead"):
        table.add_column(heading, justify="right")
    for one in overviews:
        dead = Text(f"{one.dead_letters:,}", style="bold red" if one.dead_letters else "")
        if not one.waiting:
            table.add_row(one.service, "", "none waits", "", "", "", dead)
        for group in one.waiting:
            style = "bold red" if group.age > STUCK_SECONDS else ""
            table.add_row(
                one.service,
                group.subscriber,
                group.name,
                f"{group.unsent:,}",
                f"{group.unconfirmed:,}",
                Text(span(group.age), style=style),
                dead,
            )
            # Said once for each service.
            dead = Text("")
    return table


def _services(service: str | None) -> tuple[str, ...]:
    return events.subscribers() if service is None else (service,)


def _say_unknown(wanted: list[str], found: list[tuple[str, Letter]]) -> bool:
    """Name the ids that are no dead letters; True if there are none."""
    unknown = [id for id in wanted if id not in {letter.id for _, letter in found}]
    for id in unknown:
        click.echo(f"{id}: {Replay.UNKNOWN.value}", err=True)
    return not unknown


def _await(
    settings: Settings,
    client: MongoClient[Document],
    sent: list[tuple[str, Letter]],
    *,
    seconds: int,
) -> bool:
    """Report on letters that were redelivered; True if none was dead-lettered again."""
    services, ids = (
        sorted({subscriber for subscriber, _ in sent}),
        [letter.id for _, letter in sent],
    )
    until = time.monotonic() + seconds
    left = [letter for _, letter in events.letters(settings, client, services, ids=ids)]
    with Console(stderr=True).status("Waiting until they are handled"):
        while any(letter.waits for letter in left) and time.monotonic() < until:
            time.sleep(0.2)
            left = [letter for _, letter in events.letters(settings, client, services, ids=ids)]
    dead_lettered = [letter for letter in left if not letter.waits]
    for letter in dead_lettered:
        click.echo(f"{letter.id}: was dead-lettered again: {letter.error}", err=True)
    if len(left) > len(dead_lettered):
        click.echo(
            f"{len(left) - len(dead_lettered):,} are still on their way, and go on without this "
            "command; make dead-letters shows what is left."
        )
    return not dead_lettered


@contextmanager
def _connected(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client, and one sentence instead of a trace when the server fails."""
    with terminal.explained(), connect(settings) as client:
        yield client
