"""The schema commands as a person uses them, on the real server."""

import pytest
from click import ClickException
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure

from services.cli.schema import connected
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import PORTS, Settings
from tests.services.cli.conftest import Call


class TestSchema:
    def test_builds_everything_and_says_so_once(self, call: Call, settings: Settings) -> None:
        code, said, complaint = call("schema")

        assert (code, complaint) == (0, "")
        for service in PORTS:
            assert f"{settings.database_prefix}_{service}.inbox: created" in said.splitlines()

        code, said, _ = call("schema")

        assert (code, said) == (0, "schema: everything is as declared, nothing was changed\n")
        assert call("schema-check") == (0, "OK: the databases are as declared\n", "")

    def test_takes_back_what_was_changed_by_hand(
        self, call: Call, settings: Settings, client: MongoClient[Document]
    ) -> None:
        call("schema")
        orders = service_database(client, settings, "orders")
        orders.orders.drop_index("number")
        orders.command({"collMod": "orders", "validator": {}})
        orders.orders.create_index("total", name="by_total")

        code, said, complaint = call("schema-check")

        name = orders.name
        first, *others = said.splitlines()
        assert code == 1
        assert first.startswith(f"{name}.orders: validator differs at $jsonSchema.bsonType, ")
        assert others == [
            f"{name}.orders: index number is missing",
            f"{name}.orders: index by_total is not declared",
        ]
        assert complaint.startswith("Error: The databases are not as declared in 3 ways")

        code, said, _ = call("schema", "--prune")

        assert code == 0
        assert said.splitlines() == [
            f"{name}.orders: rules updated",
            f"{name}.orders: index number built",
            f"{name}.orders: index by_total dropped, it is not declared",
        ]
        assert call("schema-check")[0] == 0

    def test_says_what_stands_in_the_way_of_a_rule(
        self, call: Call, settings: Settings, client: MongoClient[Document]
    ) -> None:
        call("schema")
        users = service_database(client, settings, "accounts").users
        users.drop_index("email")
        users.database.command({"collMod": "users", "validator": {}})
        users.insert_many([{"email_key": "lee@example.com"}, {"email_key": "lee@example.com"}])

        code, _, complaint = call("schema")

        assert (code, complaint) == (
            1,
            "Error: Documents have the same email_key, which a new index forbids; change them, "
            "then run this again. What was there before is in force.\n",
        )

    def test_says_that_the_server_fails(self, settings: Settings) -> None:
        with pytest.raises(ClickException) as failure, connected(settings):
            raise ConnectionFailure("nobody answers")

        assert failure.value.message == (
            "MongoDB failed (nobody answers); MONGO_URL names another server."
        )


class TestSchemaCheck:
    def test_builds_nothing(
        self, call: Call, settings: Settings, client: MongoClient[Document]
    ) -> None:
        code, said, _ = call("schema-check")

        assert code == 1
        assert f"{settings.database_prefix}_orders.orders is missing" in said.splitlines()
        assert not [
            name
            for name in client.list_database_names()
            if name.startswith(settings.database_prefix)
        ]
