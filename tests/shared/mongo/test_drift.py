"""Differences between a live database and its declaration, on the real server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import IndexModel, MongoClient
from pymongo.database import Database

from shared.document import Document
from shared.mongo.client import service_database
from shared.mongo.collections import Collection, build
from shared.mongo.drift import differences, prune
from shared.settings import Settings

EMAIL = IndexModel([("email", 1)], name="email", unique=True)
SCHEMA: Document = {
    "bsonType": "object",
    "required": ["_id", "name"],
    "properties": {"name": {"enum": ["a", "b"]}, "size": {"minimum": 1, "maximum": 9}},
}
DECLARED = (
    Collection(name="shops", validator={"$jsonSchema": SCHEMA}, indexes=(EMAIL,), outbox=True),
    Collection(name="carts", validator={"$expr": {"$gte": ["$total", 0]}}),
)


class TestDifferences:
    def test_are_none_once_it_is_built(self, database: Database[Document]) -> None:
        assert list(differences(database, DECLARED)) == []

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            (lambda database: database.carts.drop(), "carts is missing"),
            (lambda database: database.create_collection("stray"), "stray is not declared"),
            (
                lambda database: database.command(
                    {"create": "seen", "viewOn": "shops", "pipeline": []}
                ),
                "seen is not declared",
            ),
            (
                lambda database: database.command({"collMod": "carts", "validator": {}}),
                "carts: validator differs at $expr.$gte.0, $expr.$gte.1",
            ),
            (
                lambda database: database.command({"collMod": "shops", "validator": loosened()}),
                "shops: validator differs at $jsonSchema.properties.size.minimum",
            ),
            (
                lambda database: database.command({"collMod": "shops", "validator": {"name": "a"}}),
                "shops: validator differs at $jsonSchema.bsonType, $jsonSchema.required.0, "
                "$jsonSchema.required.1, …",
            ),
            (
                lambda database: database.command(
                    {"collMod": "shops", "validationLevel": "moderate"}
                ),
                "shops: validationLevel is moderate, not strict",
            ),
            (
                lambda database: database.command({"collMod": "shops", "validationAction": "warn"}),
                "shops: validationAction is warn, not error",
            ),
            (lambda database: database.shops.drop_index("email"), "shops: index email is missing"),
            (
                lambda database: database.shops.drop_index("outbox_due"),
                "shops: index outbox_due is missing",
            ),
            (
                lambda database: weakened(database, IndexModel([("email", 1)], name="email")),
                "shops: index email is not as declared",
            ),
            (
                lambda database: database.command(
                    {"collMod": "shops", "index": {"name": "email", "hidden": True}}
                ),
                "shops: index email is not as declared",
            ),
            (
                lambda database: database.shops.create_index("size", name="size"),
                "shops: index size is not declared",
            ),
            (
                lambda database: database.shops.create_index("size", name="email__next"),
                "shops: index email__next is left of a rebuild that was cut short",
            ),
        ],
    )
    def test_each_are_named_in_a_sentence(
        self,
        database: Database[Document],
        change: Callable[[Database[Document]], Any],
        sentence: str,
    ) -> None:
        change(database)

        assert list(differences(database, DECLARED)) == [f"{database.name}.{sentence}"]

    def test_of_the_options_of_a_collection_are_named(self, database: Database[Document]) -> None:
        database.carts.drop()
        database.create_collection("carts", capped=True, size=4096, **DECLARED[1].rules())

        assert list(differences(database, DECLARED)) == [
            f"{database.name}.carts has the option capped, which is not declared",
            f"{database.name}.carts has the option size, which is not declared",
        ]

    def test_are_not_what_the_server_keeps_for_itself(self, database: Database[Document]) -> None:
        database.command("profile", 2)
        database.shops.find_one()
        database.command("profile", 0)

        assert "system.profile" in database.list_collection_names()
        assert list(differences(database, DECLARED)) == []

    def test_are_only_looked_for(self, database: Database[Document]) -> None:
        database.shops.drop_index("email")
        database.carts.drop()
        before = contents(database)

        assert len(list(differences(database, DECLARED))) == 2

        assert contents(database) == before

    def test_are_gone_after_a_build(self, database: Database[Document]) -> None:
        database.shops.drop_index("email")
        database.command({"collMod": "shops", "validator": loosened(), "validationAction": "warn"})
        database.carts.drop()

        list(build(database, DECLARED))

        assert list(differences(database, DECLARED)) == []


class TestPrune:
    def test_drops_indexes_that_nobody_declared(self, database: Database[Document]) -> None:
        database.shops.create_index("size", name="size")

        assert list(build(database, DECLARED)) == []
        changes = list(prune(database, DECLARED))

        assert changes == [f"{database.name}.shops: index size dropped, it is not declared"]
        assert list(differences(database, DECLARED)) == []


def loosened() -> Document:
    """The rules of the shops with one limit taken away."""
    return {"$jsonSchema": SCHEMA | {"properties": SCHEMA["properties"] | {"size": {"maximum": 9}}}}


def weakened(database: Database[Document], index: IndexModel) -> None:
    database.shops.drop_index("email")
    database.shops.create_indexes([index])


def contents(database: Database[Document]) -> Any:
    """Collections, rules and indexes, as they are there."""
    return {
        info["name"]: (info["options"], database[info["name"]].index_information())
        for info in database.list_collections()
    }


@pytest.fixture
def database(client: MongoClient[Document], settings: Settings) -> Iterator[Database[Document]]:
    """A database that is as declared."""
    made = service_database(client, settings, "shop")
    list(build(made, DECLARED))
    yield made
    client.drop_database(made)
