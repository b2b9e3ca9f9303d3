"""Cost of queries: records those that really go out, and has the server explain each.

Knows no collection.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from shared.document import Document

# What a driver adds to every command, and a command inside another must not have.
_ENVELOPE = ("lsid", "txnNumber", "$db", "$clusterTime", "$readPreference", "batchSize")
_READS = frozenset({"find", "aggregate", "count", "distinct", "getMore"})


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query as it went to the server, and how long its answer took, in microseconds."""

    database: str
    command: Document
    microseconds: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The work of the server for a query."""

    stages: frozenset[str]
    indexes: tuple[str, ...]
    keys: int
    documents: int
    returned: int
    milliseconds: int

    @property
    def scans(self) -> bool:
        """True if it read a whole collection, or had to read everything before it could sort."""
        return bool(self.stages & {"COLLSCAN", "SORT"})


@dataclass
class Recorder(CommandListener):
    """Keeps the queries of the client it listens to, one thread's at a time."""

    queries: list[Query] = field(default_factory=list)
    _begun: dict[int, CommandStartedEvent] = field(default_factory=dict)

    def started(self, event: CommandStartedEvent) -> None:
        """A command goes out."""
        if event.command_name in _READS:
            self._begun[event.request_id] = event

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Its answer came."""
        begun = self._begun.pop(event.request_id, None)
        if begun is not None:
            self.queries.append(
                Query(
                    database=begun.database_name,
                    command=dict(begun.command),
                    microseconds=event.duration_micros,
                )
            )

    def failed(self, event: CommandFailedEvent) -> None:
        """It was refused, as a stretch is that ends before it begins: nothing was read."""
        self._begun.pop(event.request_id, None)

    def take(self) -> list[Query]:
        """The queries since the last look."""
        taken = list(self.queries)
        self.queries.clear()
        return taken


def explain(client: MongoClient[Document], query: Query) -> Cost:
    """Run a query again, and say what it cost.

    :raises OperationFailure: it cannot be explained, as the later parts of a long answer cannot.
    """
    command = {name: value for name, value in query.command.items() if name not in _ENVELOPE}
    answer = client[query.database].command("explain", command, verbosity="executionStats")
    if "executionStats" not in answer:
        raise OperationFailure(f"{next(iter(command))} has no plan of its own")
    stats = answer["executionStats"]
    plans = list(_walk(answer["queryPlanner"]["winningPlan"]))
    return Cost(
        stages=frozenset(plan["stage"] for plan in plans if "stage" in plan),
        indexes=tuple(plan["indexName"] for plan in plans if "indexName" in plan),
        keys=stats["totalKeysExamined"],
        documents=stats["totalDocsExamined"],
        returned=stats["nReturned"],
        milliseconds=stats["executionTimeMillis"],
    )


def _walk(plan: Document) -> Iterator[Document]:
    yield plan
    inner: Sequence[Document] = plan.get("inputStages", [])
    for name in ("inputStage", "queryPlan"):
        if name in plan:
            inner = [*inner, plan[name]]
    for one in inner:
        yield from _walk(one)
