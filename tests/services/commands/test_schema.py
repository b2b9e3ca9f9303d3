"""The schema commands as a person uses them, on the real server."""

from pymongo import MongoClient

from shared.claims import free_port
from shared.database import Document, database
from shared.settings import PORTS, Settings
from tests.services.command_line import ended


class TestSchema:
    def test_builds_everything_and_says_so_once(self, settings: Settings) -> None:
        code, said, complaint = ended(settings, "schema")

        assert (code, complaint) == (0, "")
        for service in PORTS:
            assert f"{settings.database_prefix}_{service}.inbox: created" in said.splitlines()

        code, said, _ = ended(settings, "schema")

        assert (code, said) == (0, "schema: everything is as declared, nothing was changed\n")
        assert ended(settings, "schema-check") == (0, "OK: the databases are as declared\n", "")

    def test_takes_back_what_was_changed_by_hand(
        self, settings: Settings, client: MongoClient[Document]
    ) -> None:
        ended(settings, "schema")
        orders = database(client, settings, "orders")
        orders.orders.drop_index("number")
        orders.command({"collMod": "orders", "validator": {}})
        orders.orders.create_index("total", name="by_total")

        code, said, complaint = ended(settings, "schema-check")

        name = orders.name
        first, *others = said.splitlines()
        assert code == 1
        assert first.startswith(f"{name}.orders: validator differs at $jsonSchema.bsonType, ")
        assert others == [
            f"{name}.orders: index number is missing",
            f"{name}.orders: index by_total is not declared",
        ]
        assert complaint.startswith("Error: The databases are not as declared in 3 ways")

        code, said, _ = ended(settings, "schema", "--prune")

        assert code == 0
        assert said.splitlines() == [
            f"{name}.orders: rules updated",
            f"{name}.orders: index number built",
            f"{name}.orders: index by_total dropped, it is not declared",
        ]
        assert ended(settings, "schema-check")[0] == 0

    def test_says_what_stands_in_the_way_of_a_rule(
        self, settings: Settings, client: MongoClient[Document]
    ) -> None:
        ended(settings, "schema")
        users = database(client, settings, "accounts").users
        users.drop_index("email")
        users.database.command({"collMod": "users", "validator": {}})
        users.insert_many([{"email_key": "lee@example.com"}, {"email_key": "lee@example.com"}])

        code, _, complaint = ended(settings, "schema")

        assert (code, complaint) == (
            1,
            "Error: Documents have the same email_key, which a new index forbids; change them, "
            "then run this again. What was there before is in force.\n",
        )

    def test_says_that_there_is_no_server(self, settings: Settings) -> None:
        nowhere = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=100"

        code, _, complaint = ended(settings, "schema-check", MONGO_URL=nowhere)

        assert code == 1
        assert complaint.startswith("Error: MongoDB failed (")
        assert complaint.endswith("); MONGO_URL names another server.\n")


class TestSchemaCheck:
    def test_builds_nothing(self, settings: Settings, client: MongoClient[Document]) -> None:
        code, said, _ = ended(settings, "schema-check")

        assert code == 1
        assert f"{settings.database_prefix}_orders.orders is missing" in said.splitlines()
        assert not [
            name
            for name in client.list_database_names()
            if name.startswith(settings.database_prefix)
        ]
