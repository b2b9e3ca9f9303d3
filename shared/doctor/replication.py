"""Checks the members of the replica set, and the reach of its oplog."""

from collections.abc import Iterator, Sequence
from typing import Any

from pymongo import MongoClient

from shared.doctor.findings import Finding, bad, good, look, span
from shared.doctor.findings import size as bytes_of
from shared.document import Document

PRIMARY, SECONDARY, ARBITER = 1, 2, 7
LAG_SECONDS = 30
SHORT_OPLOG_HOURS = 24.0
"""A member that was away for longer than the oplog reaches must be rebuilt."""


def members(client: MongoClient[Document]) -> Iterator[Finding]:
    """The members of the replica set, as the one that is asked sees them."""
    status = client.admin.command("replSetGetStatus")
    yield from findings(status["set"], status["members"])


def findings(name: str, found: Sequence[Document]) -> Iterator[Finding]:
    """Findings on these members."""
    primary = next((one for one in found if one["state"] == PRIMARY), None)
    if primary is None:
        yield bad("replication", "no primary", "Nothing can be written; start the other members.")
        return
    ailing = list(_ailing(found, primary))
    yield from ailing
    keeping = [one for one in found if one["state"] in {PRIMARY, SECONDARY}]
    if len(keeping) == 1:
        yield look(
            "replication",
            f"{name}: one member",
            "If its disk is lost, so are the data; make backups, and in production run three.",
        )
    elif not ailing:
        yield good("replication", f"{name}: {len(keeping)} members, all up to date")


def oplog(client: MongoClient[Document]) -> Finding:
    """The time that the log of changes covers."""
    log = client.local["oplog.rs"]
    first, last = (
        one["ts"].time
        for order in (1, -1)
        for one in log.find({}, {"ts": 1}).sort("$natural", order).limit(1)
    )
    stats = client.local.command("collStats", "oplog.rs")
    return reach(seconds=last - first, size=stats["size"], most=stats["maxSize"])


def reach(*, seconds: float, size: int, most: int) -> Finding:
    """The finding on a log that reaches back so far, and fills so many of its bytes."""
    state = f"reaches back {span(seconds)}; {bytes_of(size)} of {bytes_of(most)}"
    if size > 0.9 * most and seconds < SHORT_OPLOG_HOURS * 3_600:
        return look(
            "oplog",
            state,
            "A member that is away for longer has to be rebuilt; make it larger "
            "(replSetResizeOplog).",
        )
    return good("oplog", state)


def _ailing(found: Sequence[Document], primary: Document) -> Iterator[Finding]:
    for one in found:
        state: Any = one.get("stateStr", one["state"])
        if one["state"] not in {PRIMARY, SECONDARY, ARBITER}:
            yield bad(
                "replication",
                f"{one['name']} is {state}",
                "Start it again, and see in its log why it stopped.",
            )
        elif one["state"] == SECONDARY:
            lag = (primary["optimeDate"] - one["optimeDate"]).total_seconds()
            if lag > LAG_SECONDS:
                yield look(
                    "replication",
                    f"{one['name']} is {span(lag)} behind",
                    "Its disk or network is too slow; until it has caught up it is no help.",
                )
