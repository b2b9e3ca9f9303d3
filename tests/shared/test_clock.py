from datetime import UTC, datetime

from pymongo.database import Database

from shared import clock
from shared.document import Document


class TestNow:
    def test_is_the_present_in_utc(self) -> None:
        before, now, after = datetime.now(UTC), clock.now(), datetime.now(UTC)

        assert before.timestamp() - 0.001 < now.timestamp() <= after.timestamp()
        assert now.tzinfo is UTC

    def test_is_what_the_database_keeps_of_it(self, database: Database[Document]) -> None:
        now = clock.now()

        database.moments.insert_one({"at": now})

        assert (database.moments.find_one() or {})["at"] == now
