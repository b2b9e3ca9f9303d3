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

Shop = Database[Document]


class TestDifferences:
    def test_are_none_once_it_is_built(self, shop: Shop) -> None:
        assert list(differences(shop, DECLARED)) == []

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            (lambda shop: shop.carts.drop(), "carts is missing"),
            (lambda shop: shop.create_collection("stray"), "stray is not declared"),
            (
                lambda shop: shop.command({"create": "seen", "viewOn": "shops", "pipeline": []}),
                "seen is not declared",
            ),
            (
                lambda shop: shop.command({"collMod": "carts", "validator": {}}),
                "carts: validator differs at $expr.$gte.0, $expr.$gte.1",
            ),
            (
                lambda shop: shop.command({"collMod": "shops", "validator": loosened()}),
                "shops: validator differs at $jsonSchema.properties.size.minimum",
            ),
            (
                lambda shop: shop.command({"collMod": "shops", "validator": {"name": "a"}}),
                "shops: validator differs at $jsonSchema.bsonType, $jsonSchema.required.0, "
                "$jsonSchema.required.1, …",
            ),
            (
                lambda shop: shop.command({"collMod": "shops", "validationLevel": "moderate"}),
                "shops: validationLevel is moderate, not strict",
            ),
            (
                lambda shop: shop.command({"collMod": "shops", "validationAction": "warn"}),
                "shops: validationAction is warn, not error",
            ),
            (lambda shop: shop.shops.drop_index("email"), "shops: index email is missing"),
            (
                lambda shop: shop.shops.drop_index("outbox_due"),
                "shops: index outbox_due is missing",
            ),
            (
                lambda shop: weakened(shop, IndexModel([("email", 1)], name="email")),
                "shops: index email is not as declared",
            ),
            (
                lambda shop: shop.command(
                    {"collMod": "shops", "index": {"name": "email", "hidden": True}}
                ),
                "shops: index email is not as declared",
            ),
            (
                lambda shop: shop.shops.create_index("size", name="size"),
                "shops: index size is not declared",
            ),
            (
                lambda shop: shop.shops.create_index("size", name="email__next"),
                "shops: index email__next is left of a rebuild that was cut short",
            ),
        ],
    )
    def test_each_are_named_in_a_sentence(
        self, shop: Shop, change: Callable[[Shop], Any], sentence: str
    ) -> None:
        change(shop)

        assert list(differences(shop, DECLARED)) == [f"{shop.name}.{sentence}"]

    def test_of_the_options_of_a_collection_are_named(self, shop: Shop) -> None:
        shop.carts.drop()
        shop.create_collection("carts", capped=True, size=4096, **DECLARED[1].rules())

        assert list(differences(shop, DECLARED)) == [
            f"{shop.name}.carts has the option capped, which is not declared",
            f"{shop.name}.carts has the option size, which is not declared",
        ]

    def test_are_not_what_the_server_keeps_for_itself(self, shop: Shop) -> None:
        shop.command("profile", 2)
        shop.shops.find_one()
        shop.command("profile", 0)

        assert "system.profile" in shop.list_collection_names()
        assert list(differences(shop, DECLARED)) == []

    def test_are_only_looked_for(self, shop: Shop) -> None:
        shop.shops.drop_index("email")
        shop.carts.drop()
        before = contents(shop)

        assert len(list(differences(shop, DECLARED))) == 2

        assert contents(shop) == before

    def test_are_gone_after_a_build(self, shop: Shop) -> None:
        shop.shops.drop_index("email")
        shop.command({"collMod": "shops", "validator": loosened(), "validationAction": "warn"})
        shop.carts.drop()

        list(build(shop, DECLARED))

        assert list(differences(shop, DECLARED)) == []


class TestPrune:
    def test_drops_indexes_that_nobody_declared(self, shop: Shop) -> None:
        shop.shops.create_index("size", name="size")

        assert list(build(shop, DECLARED)) == []
        changes = list(prune(shop, DECLARED))

        assert changes == [f"{shop.name}.shops: index size dropped, it is not declared"]
        assert list(differences(shop, DECLARED)) == []


def loosened() -> Document:
    """The rules of the shops with one limit taken away."""
    return {"$jsonSchema": SCHEMA | {"properties": SCHEMA["properties"] | {"size": {"maximum": 9}}}}


def weakened(shop: Shop, index: IndexModel) -> None:
    shop.shops.drop_index("email")
    shop.shops.create_indexes([index])


def contents(shop: Shop) -> Any:
    """Collections, rules and indexes, as they are there."""
    return {
        info["name"]: (info["options"], shop[info["name"]].index_information())
        for info in shop.list_collections()
    }


@pytest.fixture
def shop(client: MongoClient[Document], settings: Settings) -> Iterator[Shop]:
    """A database that is as declared."""
    made = service_database(client, settings, "shop")
    list(build(made, DECLARED))
    yield made
    client.drop_database(made)
