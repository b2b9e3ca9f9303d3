"""What the database itself refuses in imports, whoever writes to it, and what its indexes serve."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, WriteError

from services.imports import documents
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.collections import build

Own = Database[Document]
NOW = datetime(2025, 6, 1, tzinfo=UTC)


class TestJobs:
    @pytest.mark.parametrize("state", documents.STATES)
    def test_takes_every_state(
        self, database: Own, raw_job: Callable[..., Document], state: str
    ) -> None:
        database.jobs.insert_one(raw_job(state=state))

        assert database.jobs.count_documents({"state": state}) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"_id": "1"},
            {"state": "lost"},
            {"step": 0},
            {"step": 1.5},
            {"mapping": "online-retail"},
            {"preset": 7},
            {"file": {"name": "a.csv", "bytes": 1}},
            {"file": {"name": "a.csv", "bytes": -1, "sha256": ""}},
            {"file": {"name": "a" * 256, "bytes": 1, "sha256": ""}},
            {"progress": {}},
            {"position": 17},
            {"failure": "x" * 1_001},
            {"asked_by": None},
            {"delegation": "x" * 301},
            {"lease_until": None},
            {"created_at": "2025-06-01"},
            {"version": 0},
            {"revision": -1},
            {"outbox": None},
            {"request": {"key": "k"}},
            {"password": "12345678"},
        ],
        ids=str,
    )
    def test_refuses_what_is_no_job(
        self, database: Own, raw_job: Callable[..., Document], change: Document
    ) -> None:
        with pytest.raises(WriteError):
            database.jobs.insert_one(raw_job(**change))

    @pytest.mark.parametrize("name", ["rows", "rows_of", "rejected", "customers", "orders_of"])
    def test_refuses_progress_below_nothing(
        self, database: Own, raw_job: Callable[..., Document], name: str
    ) -> None:
        job = raw_job()
        job["progress"][name] = -1

        with pytest.raises(WriteError):
            database.jobs.insert_one(job)

    def test_refuses_the_same_request_twice(
        self, database: Own, raw_job: Callable[..., Document]
    ) -> None:
        request = {"key": "ann:1", "fingerprint": "0", "first": {}}
        database.jobs.insert_one(raw_job(request=request))

        with pytest.raises(DuplicateKeyError):
            database.jobs.insert_one(raw_job(request=request))

    def test_has_an_index_for_the_newest(self, database: Own) -> None:
        plan = database.jobs.find({}).sort([("created_at", -1), ("_id", -1)]).explain()

        assert "SORT" not in stages(plan)


class TestRows:
    @pytest.mark.parametrize(
        "change",
        [
            {"job": "1"},
            {"row": 0},
            {"row": "1"},
            {"rejected": None},
            {"reason": "x" * 2_001},
            {"raw": "a,b"},
            {"raw": [1]},
            {"line": []},
            {"number": "x" * 301},
            {"buyer": 7},
            {"amount": 2.5},
            {"currency": "POUND"},
            {"note": ""},
        ],
        ids=str,
    )
    def test_refuses_what_is_no_row(self, database: Own, change: Document) -> None:
        row = {
            "_id": "1",
            "job": new_id(),
            "row": 1,
            "rejected": False,
            "raw": ["a"],
            "amount": Decimal128("2.5"),
            "currency": "GBP",
        }
        database.rows.insert_one(row)

        with pytest.raises(WriteError):
            database.rows.insert_one(row | {"_id": "2"} | change)

    @pytest.mark.parametrize(("field", "index"), [("number", "orders"), ("buyer", "buyers")])
    def test_has_an_index_for_groups(self, database: Own, field: str, index: str) -> None:
        query = {"job": new_id(), field: {"$gt": ""}}

        plan = database.rows.find(query).sort([(field, 1), ("row", 1)]).hint(index).explain()

        assert "SORT" not in stages(plan)
        assert "COLLSCAN" not in stages(plan)

    def test_has_an_index_for_the_rejected(self, database: Own) -> None:
        query = {"job": new_id(), "rejected": True}

        plan = database.rows.find(query).sort("row", 1).hint("rejected").explain()

        assert "SORT" not in stages(plan)
        assert "COLLSCAN" not in stages(plan)


class TestOutcomes:
    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "order"},
            {"status": "lost"},
            {"guest": None},
            {"key": None},
            {"id": "17850"},
            {"reason": "x" * 2_001},
            {"total": "1"},
        ],
        ids=str,
    )
    def test_refuses_what_is_no_outcome(self, database: Own, change: Document) -> None:
        outcome = {
            "_id": "1",
            "job": new_id(),
            "kind": "sale",
            "guest": False,
            "key": "536365",
            "status": "created",
            "id": new_id(),
            "reason": None,
        }
        database.outcomes.insert_one(outcome)

        with pytest.raises(WriteError):
            database.outcomes.insert_one(outcome | {"_id": "2"} | change)


class TestCollections:
    def test_are_built_once(self, database: Own) -> None:
        assert list(build(database, documents.COLLECTIONS)) == []

    def test_refuse_half_a_file(self, database: Own) -> None:
        with pytest.raises(WriteError):
            database["uploads.files"].insert_one({"filename": "a.csv"})
        with pytest.raises(WriteError):
            database["uploads.chunks"].insert_one({"n": 0})


def stages(plan: Any) -> set[str]:
    """The names of the stages of the plan that the server has chosen."""
    found, stage = set(), plan["queryPlanner"]["winningPlan"]
    while stage:
        found.add(stage["stage"])
        stage = stage.get("inputStage")
    return found


@pytest.fixture
def raw_job() -> Callable[..., Document]:
    """`raw_job(**changes)`: a job as it is stored."""

    def make(**changes: Any) -> Document:
        counts = ("rows", "rows_of", "rejected", "customers", "customers_of", "orders", "orders_of")
        usual: Document = {
            "_id": new_id(),
            "state": "staging",
            "step": 1,
            "preset": None,
            "mapping": {},
            "file": {"name": "a.csv", "bytes": 1, "sha256": "0"},
            "progress": dict.fromkeys(counts, 0),
            "position": None,
            "reconciliation": None,
            "failure": None,
            "asked_by": new_id(),
            "delegation": None,
            "lease_until": NOW,
            "created_at": NOW,
            "updated_at": NOW,
            "version": 1,
            "revision": 0,
            "outbox": [],
        }
        return usual | changes

    return make
