"""Loads the generated shop into the databases of customers and orders, past no validator."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.collection import Collection

from services.tools.sample import documents as books
from services.tools.sample import people, sales
from services.tools.sample.names import countries
from services.tools.sample.plan import Plan
from shared.document import Document
from shared.mongo.bulk_writes import insert_missing
from shared.mongo.client import connect, service_database
from shared.settings import Settings

Batch = tuple[str, str, list[Document]]
"""Documents to write, behind the service and the collection they are for."""

Progress = Callable[[str, int, int], None]
"""Is given what is loaded, how many documents are, and of how many."""

WRITERS = 2
# Batches that wait for a writer. More would only fill the memory.
_AHEAD = 4


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The result of loading: what was written, how much was there before, and how long it took."""

    written: int
    known: int
    seconds: float


def unseen(_what: str, _done: int, _of: int) -> None:
    """Progress that nobody looks at."""


def load(settings: Settings, plan: Plan, *, add: bool = False, progress: Progress = unseen) -> str:
    """Load the shop; answers with a sentence on what was done.

    Only into databases without customers and orders, unless told to `add`. A load that was cut
    short is completed by adding the same plan: what is there already is left as it is.
    """
    with connect(settings) as client:
        if not add and is_used(settings, client):
            return "sample: not loaded, there is data already; ADD=1 adds to it"
        loaded = write(settings, client, plan, progress=progress)
    known = f", {loaded.known:,} documents were there already" if loaded.known else ""
    return (
        f"sample: {plan.customers:,} customers and {plan.orders:,} orders loaded "
        f"in {loaded.seconds:.1f} s{known}"
    )


def is_used(settings: Settings, client: MongoClient[Document]) -> bool:
    """True if there are customers or orders."""
    return any(
        service_database(client, settings, service)[service].find_one({}, {"_id": 1}) is not None
        for service in ("customers", "orders")
    )


def write(
    settings: Settings, client: MongoClient[Document], plan: Plan, *, progress: Progress = unseen
) -> Loaded:
    """Write the shop, while the next documents are made."""
    began = perf_counter()
    written = known = shown = 0
    with ThreadPoolExecutor(WRITERS) as pool:
        waiting: deque[tuple[Future[int], str, int]] = deque()

        def settle() -> None:
            """Wait for the oldest batch."""
            nonlocal written, known, shown
            future, name, count = waiting.popleft()
            inserted = future.result()
            written, known = written + inserted, known + count - inserted
            shown += count if name in {"customers", "orders"} else 0
            progress("sample", shown, plan.customers + plan.orders)

        for service, name, documents in batches(plan, now=server_time(client)):
            target = service_database(client, settings, service)[name]
            waiting.append((pool.submit(insert, target, documents), name, len(documents)))
            while len(waiting) > _AHEAD:
                settle()
        while waiting:
            settle()
    return Loaded(written=written, known=known, seconds=perf_counter() - began)


def batches(plan: Plan, *, now: datetime) -> Iterator[Batch]:
    """All documents of the shop. Customers come last, when it is known what they bought."""
    mark = f"sample-{plan.mark}"
    purchases = books.Purchases()
    currencies = {country.code: country.currency for country in countries()}
    buyers = [
        sales.buyer(one, currencies[str(one.addresses[0].country)])
        for numbers in plan.chunks(plan.customers)
        for one in people.customers(plan, numbers)
    ]
    for numbers in plan.chunks(plan.orders):
        made = sales.orders(plan, numbers, buyers, now=now)
        purchases.note(made)
        yield "orders", "orders", [books.order(one, recorded_at=now, batch=mark) for one in made]
        yield "customers", "ledger", [books.entry(one) for one in made if one.customer_id]
        yield "customers", "journal", books.purchases(made, recorded_at=now)
    for numbers in plan.chunks(plan.customers):
        # Made a second time: to keep them all would take more memory than it saves time.
        known = people.customers(plan, numbers)
        yield (
            "customers",
            "customers",
            [books.customer(one, purchases, batch=mark) for one in known],
        )
        yield "customers", "journal", books.arrivals(known, recorded_at=now)
        yield "orders", "customer_cards", [books.copy(one) for one in known]


def server_time(client: MongoClient[Document]) -> datetime:
    """The time of the server's own clock: by it, orders are recorded."""
    aware = CodecOptions[Document](tz_aware=True)
    now: datetime = client.admin.command("hello", codec_options=aware)["localTime"]
    return now


def insert(collection: Collection[Document], documents: list[Document]) -> int:
    """Insert documents; how many were not there yet.

    :raises BulkWriteError: the database refuses one for another reason than that.
    """
    return len(documents) - len(insert_missing(collection, documents))
