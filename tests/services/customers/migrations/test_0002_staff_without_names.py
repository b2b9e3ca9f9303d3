"""What becomes of a copy of a member of staff, without any server."""

from importlib import import_module

migrate = import_module("services.customers.migrations.0002_staff_without_names").migrate


class TestMigrate:
    def test_takes_the_name_out_and_leaves_the_rest(self) -> None:
        before = {"_id": "1", "name": "Ann", "role": "sales", "active": True, "version": 3}

        after = migrate(before)

        assert after == {
            "_id": "1",
            "role": "sales",
            "active": True,
            "version": 3,
            "schema_version": 2,
        }
        assert before["name"] == "Ann"
        assert migrate(after) == after
