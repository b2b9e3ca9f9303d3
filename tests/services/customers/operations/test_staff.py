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

        for version, role in ((2, "admin"), (1, "sales"), (2, "admin")):
            event = UserChanged(user_id=id, role=role, active=True, version=version, occurred_at="")
            operations.keep_copies(staff, [event])

        assert list(database.staff.find({})) == [
            {"_id": id, "role": "admin", "active": True, "version": 2, "schema_version": 2}
        ]

    def test_forgets_the_name_in_a_copy_of_the_form_before(
        self, database: Database[Document]
    ) -> None:
        staff, id = StaffRepository(database), new_id()
        before = {"_id": id, "name": "Ann", "role": "sales", "active": True, "version": 1}
        database.staff.insert_one(before)

        event = UserChanged(user_id=id, role="sales", active=True, version=2, occurred_at="")
        operations.keep_copies(staff, [event])

        assert "name" not in (database.staff.find_one({"_id": id}) or {})
