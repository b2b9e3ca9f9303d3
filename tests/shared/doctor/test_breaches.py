"""Documents that break the rules of today, on the real server."""

from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from shared.doctor.breaches import breaches
from shared.doctor.findings import Level
from shared.document import Document
from tests.support.things import COLLECTIONS, thing

Plant = Callable[[Document], Any]


class TestBreaches:
    def test_are_none_among_good_documents(
        self, database: Database[Document], plant: Plant
    ) -> None:
        plant(thing())

        (finding,) = breaches(database, COLLECTIONS)

        assert (finding.level, finding.state) == (Level.GOOD, "every document obeys them")

    @pytest.mark.parametrize("piece", [1, 2, 1_000])
    def test_are_found_wherever_they_lie(
        self, database: Database[Document], plant: Plant, piece: int
    ) -> None:
        for _ in range(5):
            plant(thing())
        # Ids of other types come before and after all others.
        planted = [plant(thing(_id=id, size="large")) for id in (7, "f" * 30, ObjectId(), "0" * 24)]

        (finding,) = breaches(database, COLLECTIONS, piece=piece)

        assert finding.level is Level.BAD
        assert finding.subject == f"{database.name}.things rules"
        assert finding.state == f"broken by 4 documents: 7, {'0' * 24}, {'f' * 30}, …"
        assert len(planted) == 4


@pytest.fixture
def plant(database: Database[Document]) -> Plant:
    """`plant(document)`: put a document there as one was before the rules were tightened."""

    def put(document: Document) -> Any:
        whole = {**document, "outbox": []}
        database.command("insert", "things", documents=[whole], bypassDocumentValidation=True)
        return whole["_id"]

    return put
