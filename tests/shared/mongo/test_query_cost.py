"""Cost of queries, on the real server."""

from collections.abc import Iterator

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure

from shared.document import Document
from shared.mongo.client import connect, service_database
from shared.mongo.query_cost import Cost, Query, Recorder, explain
from shared.settings import Settings
from tests.support.things import SUBSCRIBERS, ThingRepository, boxes, thing


class TestRecorder:
    def test_keeps_queries_as_they_went_out(
        self, recorder: Recorder, things: ThingRepository
    ) -> None:
        things.insert(thing())

        things.page(boxes(), after=None, limit=5)

        (query,) = recorder.take()
        assert query.command["find"] == "things"
        assert query.command["limit"] == 6
        assert query.microseconds > 0
        assert recorder.take() == []

    def test_leaves_out_what_was_refused(self, recorder: Recorder, things: ThingRepository) -> None:
        with pytest.raises(OperationFailure):
            things.collection.find_one({}, hint="no such index")

        assert recorder.take() == []


class TestExplain:
    def test_tells_of_a_page(
        self, recorder: Recorder, things: ThingRepository, client: MongoClient[Document]
    ) -> None:
        fill(things, 20)
        things.page(boxes(), after=None, limit=5)

        cost = the_cost(recorder, client)

        assert (cost.keys, cost.documents, cost.returned) == (6, 6, 6)
        assert cost.indexes == ("by_size",)
        assert not cost.scans

    def test_sees_a_collection_scan(
        self, recorder: Recorder, things: ThingRepository, client: MongoClient[Document]
    ) -> None:
        fill(things, 20)
        things.find({"note": "x"})

        cost = the_cost(recorder, client)

        assert cost.scans
        assert (cost.documents, cost.returned) == (20, 0)

    def test_sees_a_sort_that_reads_everything(
        self, recorder: Recorder, things: ThingRepository, client: MongoClient[Document]
    ) -> None:
        fill(things, 20)
        list(things.collection.find({"kind": "box"}).sort("version").limit(1))

        cost = the_cost(recorder, client)

        assert "SORT" in cost.stages
        assert cost.scans

    def test_sees_one_in_a_branch(
        self, recorder: Recorder, things: ThingRepository, client: MongoClient[Document]
    ) -> None:
        fill(things, 20)
        list(things.collection.aggregate([{"$match": {"note": "x"}}, {"$sort": {"size": 1}}]))

        assert the_cost(recorder, client).scans

    def test_has_no_account_of_the_rest_of_an_answer(self, client: MongoClient[Document]) -> None:
        rest = Query(database="test", command={"getMore": 1, "collection": "x"}, microseconds=1)

        with pytest.raises(OperationFailure):
            explain(client, rest)


def fill(things: ThingRepository, count: int) -> None:
    things.collection.insert_many([{**thing(size=n), "outbox": []} for n in range(count)])


def the_cost(recorder: Recorder, client: MongoClient[Document]) -> Cost:
    (query,) = recorder.take()
    return explain(client, query)


@pytest.fixture
def recorder() -> Recorder:
    """Keeps the queries of `things`."""
    return Recorder()


@pytest.fixture
def things(
    database: Database[Document], settings: Settings, recorder: Recorder
) -> Iterator[ThingRepository]:
    """The made-up service's things, through a client that is listened to."""
    with connect(settings, listeners=[recorder]) as client:
        assert database.name == service_database(client, settings, "things").name
        yield ThingRepository(service_database(client, settings, "things"), SUBSCRIBERS)
