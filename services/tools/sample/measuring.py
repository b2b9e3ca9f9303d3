"""Measures how fast the sample loads, next to a bare insert_many of the same documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from uuid import uuid4

from pymongo import MongoClient

from services.registry import collections
from services.tools.sample.loading import Progress, batches, server_time, unseen, write
from services.tools.sample.plan import Plan
from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.mongo.collections import build
from shared.settings import Settings

SERVICES = ("customers", "orders")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds to load, and seconds that bare insert_many took for the same documents."""

    documents: int
    load: float
    bare: float
    """Into collections with the same rules and indexes, documents made beforehand."""
    plain: float
    """Into collections without any."""

    @property
    def ratio(self) -> float:
        """The speed of loading as a share of a bare insert_many."""
        return self.bare / self.load

    def __str__(self) -> str:
        return (
            f"sample: {self.documents:,} documents in {self.load:.1f} s, "
            f"{self.documents / self.load:,.0f} a second; "
            f"a bare insert_many of them: {self.bare:.1f} s, so {self.ratio:.2f} as fast; "
            f"without rules and indexes: {self.plain:.1f} s"
        )


def measure(settings: Settings, plan: Plan, *, progress: Progress = unseen) -> Measured:
    """Load the shop into scratch databases, then insert its documents bare; drops them again."""
    with connect(settings) as client:
        with _scratch(settings, client, built=True) as scratch:
            loaded = write(scratch, client, plan, progress=progress)
        with _scratch(settings, client, built=True) as scratch:
            bare = _insert(scratch, client, plan)
        with _scratch(settings, client, built=False) as scratch:
            plain = _insert(scratch, client, plan)
    return Measured(documents=loaded.written, load=loaded.seconds, bare=bare, plain=plain)


def _insert(settings: Settings, client: MongoClient[Document], plan: Plan) -> float:
    """The seconds that it takes to insert all documents, batch by batch, without making them."""
    seconds = 0.0
    for service, name, documents in batches(plan, now=server_time(client)):
        target = service_database(client, settings, service)[name]
        began = perf_counter()
        target.insert_many(documents)
        seconds += perf_counter() - began
    return seconds


@contextmanager
def _scratch(
    settings: Settings, client: MongoClient[Document], *, built: bool
) -> Iterator[Settings]:
    made = replace(settings, database_prefix=f"{settings.database_prefix[:24]}_{uuid4().hex[:8]}")
    owned = {service: service_database(client, made, service) for service in SERVICES}
    try:
        for service, one in owned.items():
            if built:
                list(build(one, collections(service)))
        yield made
    finally:
        for one in owned.values():
            client.drop_database(one.name)
