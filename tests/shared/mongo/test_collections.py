"""Collections built as declared, on the real server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from pymongo import IndexModel, MongoClient
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, WriteError

from shared.document import Document
from shared.events.outbox import OUTBOX_SCHEMA
from shared.mongo.client import service_database
from shared.mongo.collections import Collection, build
from shared.settings import Settings

EMAIL = IndexModel([("email", 1)], name="email", unique=True)


class TestBuild:
    def test_says_what_it_creates(self, empty: Database[Document]) -> None:
        changes = list(build(empty, (shops(EMAIL, outbox=True),)))

        assert changes == [
            f"{empty.name}.shops: created",
            f"{empty.name}.shops: index email built",
            f"{empty.name}.shops: index outbox_due built",
        ]

    def test_changes_nothing_the_second_time(self, empty: Database[Document]) -> None:
        partial = IndexModel(
            [("open", 1), ("_id", -1)],
            name="open",
            partialFilterExpression={"open": True},
        )
        old = IndexModel([("at", 1)], name="old", expireAfterSeconds=60)
        declared = (shops(EMAIL, partial, old, outbox=True),)
        list(build(empty, declared))

        assert list(build(empty, declared)) == []

    def test_puts_its_rules_into_force(self, empty: Database[Document]) -> None:
        list(build(empty, (shops(EMAIL, required=["name"]),)))

        with pytest.raises(WriteError):
            empty.shops.insert_one({"email": "a"})
        empty.shops.insert_one({"name": "A", "email": "a"})
        with pytest.raises(DuplicateKeyError):
            empty.shops.insert_one({"name": "B", "email": "a"})

    def test_updates_rules_that_have_changed(self, empty: Database[Document]) -> None:
        list(build(empty, (shops(required=["name"]),)))

        changes = list(build(empty, (shops(required=["title"]),)))

        assert changes == [f"{empty.name}.shops: rules updated"]
        empty.shops.insert_one({"title": "A"})
        with pytest.raises(WriteError):
            empty.shops.insert_one({"name": "A"})

    def test_makes_rules_strict_again(self, empty: Database[Document]) -> None:
        list(build(empty, (shops(required=["name"]),)))
        empty.command("collMod", "shops", validationAction="warn")

        changes = list(build(empty, (shops(required=["name"]),)))

        assert changes == [f"{empty.name}.shops: rules updated"]
        with pytest.raises(WriteError):
            empty.shops.insert_one({})

    def test_adds_an_index_to_what_is_there_already(self, empty: Database[Document]) -> None:
        list(build(empty, (shops(),)))
        empty.shops.insert_one({"email": "a"})

        assert list(build(empty, (shops(EMAIL),))) == [f"{empty.name}.shops: index email built"]
        assert empty.shops.count_documents({}) == 1

    def test_may_be_done_by_several_at_once(self, empty: Database[Document]) -> None:
        declared = (
            shops(EMAIL, outbox=True),
            Collection(name="carts", validator={"total": {"$gte": 0}}),
        )
        together = Barrier(4)

        def run(_: int) -> list[str]:
            together.wait(10)
            return list(build(empty, declared))

        with ThreadPoolExecutor(4) as pool:
            changes = [line for lines in pool.map(run, range(4)) for line in lines]

        assert changes.count(f"{empty.name}.shops: created") == 1
        assert changes.count(f"{empty.name}.carts: created") == 1
        assert list(build(empty, declared)) == []

    def test_keeps_an_outbox_to_its_form(self, empty: Database[Document]) -> None:
        schema = {"properties": {"outbox": OUTBOX_SCHEMA}}
        list(build(empty, (Collection(name="shops", validator={"$jsonSchema": schema}),)))
        entry = {
            "id": "e",
            "to": "others",
            "name": "ShopOpened",
            "schema": 1,
            "data": {},
            "sent": 0,
            "due_at": datetime.now(UTC),
        }

        empty.shops.insert_one({"outbox": [entry]})

        for wrong in ({"sent": -1}, {"due_at": "soon"}, {"to": None}, {"more": 1}):
            with pytest.raises(WriteError):
                empty.shops.insert_one({"outbox": [{**entry, **wrong}]})


def shops(
    *indexes: IndexModel, required: list[str] | None = None, outbox: bool = False
) -> Collection:
    """A declared collection."""
    schema: dict[str, Any] = {"bsonType": "object", "required": required or ["_id"]}
    return Collection(
        name="shops", validator={"$jsonSchema": schema}, indexes=indexes, outbox=outbox
    )


@pytest.fixture
def empty(client: MongoClient[Document], settings: Settings) -> Iterator[Database[Document]]:
    """A database in which nothing is built."""
    made = service_database(client, settings, "shop")
    yield made
    client.drop_database(made)
