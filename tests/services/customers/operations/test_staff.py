"""Copies of members of staff, on the real server."""

from pymongo.database import Database

from services.customers.operations import staff as operations
from services.customers.repository.staff import StaffRepository
from shared.document import Document
from shared.events.contracts import UserChanged
from shared.identifiers import new_id


class TestKeepCopies:
    def test_keeps_the_newest(self, database: Database[Document]) -> None:
        staff, id = StaffRepository(database), new_id()

        for version, name in ((2, "Ann Ng"), (1, "Ann"), (2, "Ann Ng")):
            event = UserChanged(
                user_id=id, name=name, role="sales", active=True, version=version, occurred_at=""
            )
            operations.keep_copies(staff, [event])

        assert list(database.staff.find({})) == [
            {"_id": id, "name": "Ann Ng", "role": "sales", "active": True, "version": 2}
        ]
