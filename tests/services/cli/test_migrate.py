"""The migrate command as a person uses it, on the real server."""

import pytest
from pymongo import MongoClient

from services.tools import schema
from services.tools.sample.plan import Plan
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.services.cli.conftest import Call
from tests.support.old_customers import old_customers

FIRST = "customers 0001_split_preferences"


class TestMigrate:
    @pytest.mark.usefixtures("old")
    def test_says_what_it_would_do_then_does_it_once(self, call: Call) -> None:
        code, said, complaint = call("migrate", "--dry-run")

        assert (code, complaint) == (0, "")
        assert said.startswith(
            f"{FIRST}: 20 documents: 20 would be migrated, 0 already new, 0 would fail; in "
        )

        code, said, complaint = call("migrate")

        assert (code, complaint) == (0, "")
        assert said.startswith(f"{FIRST}: 20 documents: 20 migrated, 0 already new, 0 failed; in ")
        assert call("migrate") == (0, "migrate: nothing is pending\n", "")

    def test_names_what_it_cannot_do_and_fails(
        self, call: Call, settings: Settings, client: MongoClient[Document], old: list[Document]
    ) -> None:
        customers = service_database(client, settings, "customers")
        customers.command({"collMod": "customers", "validationLevel": "off"})
        customers.customers.update_one(
            {"_id": old[3]["_id"]}, {"$set": {"preferences": {"likes_tea": True}, "tags": "vip"}}
        )

        for arguments, verbs in ((("--dry-run",), ("would be migrated", "would fail")), ((), None)):
            code, said, complaint = call("migrate", *arguments)

            migrated, failed = verbs or ("migrated", "failed")
            first, *_ = complaint.splitlines()
            assert code == 1
            assert f"20 documents: 19 {migrated}, 0 already new, 1 {failed}; in " in said
            assert first.startswith(
                f"  {old[3]['_id']}: The validator refuses what it would become"
            )
            assert "Error: 1 documents " in complaint

    def test_refuses_a_file_that_has_changed_since(
        self, call: Call, settings: Settings, client: MongoClient[Document]
    ) -> None:
        call("schema")
        service_database(client, settings, "customers").migrations.update_one(
            {}, {"$set": {"checksum": "0" * 64}}
        )

        codes = [call(command) for command in ("migrate", "schema-check")]

        assert [code for code, _, _ in codes] == [1, 1]
        assert "has changed since it was applied; put the file back" in codes[0][2]
        assert "has changed since it was applied; put the file back" in codes[1][1]

    @pytest.mark.usefixtures("old")
    def test_is_announced_as_pending_by_the_schema_commands(self, call: Call) -> None:
        outputs = [call(command) for command in ("schema", "schema-check")]

        assert [code for code, _, _ in outputs] == [0, 0]
        assert all(
            "0001_split_preferences is pending; `make migrate` applies it" in said
            for _, said, _ in outputs
        )


@pytest.fixture
def old(settings: Settings, client: MongoClient[Document]) -> list[Document]:
    """Customers of before, in a database that is built."""
    list(schema.update(settings, client))
    people = list(old_customers(Plan(customers=20, orders=0)))
    service_database(client, settings, "customers").customers.insert_many(people)
    return people
