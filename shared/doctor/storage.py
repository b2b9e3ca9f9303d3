"""Checks sizes of collections, use of indexes, and room on the disk."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pymongo import MongoClient
from pymongo.database import Database

from shared.doctor.findings import Finding, bad, good, look, many, size, span
from shared.document import Document
from shared.mongo.collections import Collection

SETUP = "Run `python -m services setup`, which builds what is missing."

SETTLED = timedelta(days=7)
"""The time for which uses must have been counted before an index is called unused."""

MIN_DOCUMENTS = 1_000
"""In a smaller collection an index costs next to nothing, used or not."""

SCARCE, VERY_SCARCE = 0.2, 0.1


def collections(
    database: Database[Document],
    declared: tuple[Collection, ...],
    *,
    now: datetime,
    settled: timedelta = SETTLED,
) -> Iterator[Finding]:
    """Each collection's size and indexes. Uses of indexes are counted since the server began."""
    present = set(database.list_collection_names())
    empty = []
    for collection in declared:
        subject = f"{database.name}.{collection.name}"
        if collection.name not in present:
            yield bad(subject, "not there", SETUP)
            continue
        sizes = database.command("collStats", collection.name)
        if sizes["count"]:
            yield good(subject, _sizes(sizes))
        else:
            empty.append(collection.name)
        yield from _indexes(database, collection, sizes, now=now, settled=settled)
    if empty:
        yield good(f"{database.name} empty", ", ".join(empty))


def disk(client: MongoClient[Document], database: str) -> Finding:
    """The room on the disk that the server writes to."""
    stats = client[database].command("dbStats")
    left = stats["fsTotalSize"] - stats["fsUsedSize"]
    share = left / stats["fsTotalSize"]
    state = f"{size(left)} of {size(stats['fsTotalSize'])} free"
    if share < VERY_SCARCE:
        return bad("disk", state, "Make room or move to a larger disk; a full one stops writes.")
    if share < SCARCE:
        return look("disk", state, "Plan for a larger disk, or delete old backups and imports.")
    return good("disk", state)


def _sizes(stats: Document) -> str:
    return (
        f"{many(stats['count'], 'document')}, {size(stats['size'])}, "
        f"{size(stats['storageSize'])} on disk; indexes {size(stats['totalIndexSize'])}"
    )


def _indexes(
    database: Database[Document],
    collection: Collection,
    sizes: Document,
    *,
    now: datetime,
    settled: timedelta,
) -> Iterator[Finding]:
    subject = f"{database.name}.{collection.name} indexes"
    stats = {one["name"]: one for one in database[collection.name].aggregate([{"$indexStats": {}}])}
    missing = [
        index.document["name"]
        for index in collection.all_indexes()
        if index.document["name"] not in stats
    ]
    if missing:
        yield bad(subject, f"missing: {', '.join(missing)}", SETUP)
    if sizes["count"] >= MIN_DOCUMENTS:
        yield _uses(subject, stats, sizes["indexSizes"], now=now, settled=settled)


def _uses(
    subject: str,
    stats: dict[str, Document],
    sizes: Document,
    *,
    now: datetime,
    settled: timedelta,
) -> Finding:
    unused = {
        name: _aware(one["accesses"]["since"])
        for name, one in stats.items()
        if not one["accesses"]["ops"] and not _holds_a_rule(one["spec"])
    }
    if not unused:
        return good(subject, f"all {len(stats)} are used or hold a rule")
    named = ", ".join(f"{name} ({size(sizes[name])})" for name in sorted(unused))
    counted = now - max(unused.values())
    state = f"unused for {span(max(0.0, counted.total_seconds()))}: {named}"
    if counted < settled:
        return good(subject, state, "Too early to say; look again after a week of work.")
    return look(
        subject,
        state,
        "If no list, report or relay needs them, take them out of documents.py: "
        "each makes every write dearer.",
    )


def _holds_a_rule(spec: Document) -> bool:
    """True if an index does more than find documents: keeps them unique, or expires them."""
    return spec["name"] == "_id_" or "unique" in spec or "expireAfterSeconds" in spec


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)
