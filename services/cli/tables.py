"""How what was found out is shown on a terminal."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from services.tools.events import Overview
from services.tools.explain import Ask
from shared.doctor.events import STUCK_SECONDS
from shared.doctor.findings import Finding, Level, span

_STYLES = {Level.GOOD: "green", Level.LOOK: "yellow", Level.BAD: "bold red"}


def costs(asks: Iterable[Ask]) -> Table:
    """What each page of each list cost the database."""
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


def health(findings: Iterable[Finding]) -> Table:
    """How each thing is, and what to do where it is not good."""
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


def waiting_events(overviews: Iterable[Overview]) -> Table:
    """Which events wait in each service, and how many it could not hear."""
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
