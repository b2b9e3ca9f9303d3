"""Claims of due events, by one relay and by two at once, on the real server."""

from datetime import datetime, timedelta

from pymongo.database import Database

from shared.document import Document
from shared.messaging.claims import Claims
from shared.messaging.retries import resend_delay
from tests.support.things import ThingRepository, added, waiting


class TestClaim:
    def test_of_two_is_won_by_the_first_alone(
        self, database: Database[Document], things: ThingRepository, due: datetime
    ) -> None:
        # Clocks tell more than the database keeps.
        due += timedelta(microseconds=123_456)
        first, second = (Claims("things", database) for _ in range(2))
        added(things, 3)
        found = first.find_due("things", "others", due)
        added(things, 1)
        found_later = second.find_due("things", "others", due)

        won = first.claim("things", found, due)
        late = second.claim("things", found_later, due)

        assert [len(won), len(late)] == [3, 1]
        assert [entry["sent"] for entry in waiting(things)] == [1, 1, 1, 1]

    def test_of_nothing_does_nothing(self, database: Database[Document], due: datetime) -> None:
        assert Claims("things", database).claim("things", [], due) == []


class TestRelease:
    def test_makes_an_event_due_as_it_was(
        self, database: Database[Document], things: ThingRepository, due: datetime
    ) -> None:
        added(things, 2)
        before = waiting(things)
        claims = Claims("things", database)
        claimed = claims.claim("things", claims.find_due("things", "others", due), due)
        assert claims.find_due("things", "others", due) == []

        claims.release("things", claimed)

        assert waiting(things) == before


class TestResendDelay:
    def test_doubles_and_stays_bounded_for_ever(self) -> None:
        assert [resend_delay(sent).total_seconds() for sent in (1, 2, 3, 10**6)] == [30, 60, 60, 60]
