"""The pieces of validators, as the real server understands them."""

from typing import Any

import pytest
from bson import Int64
from pymongo.database import Database
from pymongo.errors import WriteError

from shared.document import Document
from shared.mongo import validators

RULE = validators.fields(
    {
        "_id": validators.ID,
        "name": validators.text(5),
        "nick": validators.or_null(validators.text(5)),
        "tags": validators.array(validators.text(5), max_items=2),
        "hash": validators.HASH,
        "at": validators.DATE,
        "count": validators.COUNT,
        "version": validators.VERSION,
        "schema_version": validators.form(2, 3),
    },
    optional=("nick", "tags", "hash", "at", "count", "version", "schema_version"),
)
GOOD: Document = {"_id": "a" * 24, "name": "Ng"}


class TestFields:
    @pytest.mark.parametrize(
        "more",
        [
            {},
            {"nick": None},
            {"nick": "Bo"},
            {"tags": ["vip", "new"]},
            {"hash": "0" * 64},
            {"count": 0},
            {"version": 1},
            {"schema_version": 3},
        ],
        ids=str,
    )
    def test_take_what_they_say(self, held: Database[Document], more: Document) -> None:
        held.held.insert_one(GOOD | more)

        assert held.held.find_one() == GOOD | more

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("_id", "a" * 24 + "\n"),
            ("name", " "),
            ("name", "longer"),
            ("name", None),
            ("nick", ""),
            ("tags", ["a", "b", "c"]),
            ("tags", [None]),
            ("hash", "0" * 63),
            ("at", "2025-01-01"),
            ("count", -1),
            ("count", 1.0),
            ("version", 0),
            ("version", Int64(1)),
            ("schema_version", 1),
            ("other", 1),
        ],
        ids=str,
    )
    def test_refuse_the_rest(self, held: Database[Document], field: str, value: Any) -> None:
        with pytest.raises(WriteError) as refusal:
            held.held.insert_one(GOOD | {field: value})

        assert refusal.value.code == 121

    def test_that_may_all_be_missing_are_an_object_all_the_same(
        self, database: Database[Document]
    ) -> None:
        rule = validators.fields(
            {"_id": validators.ID, "name": validators.text(5)}, optional=("_id", "name")
        )

        database.create_collection("held", validator={"$jsonSchema": rule})

        with pytest.raises(WriteError):
            database.held.insert_one({"_id": "a" * 24, "other": 1})


@pytest.fixture
def held(database: Database[Document]) -> Database[Document]:
    """A database in which one collection is held to the rule."""
    database.create_collection("held", validator={"$jsonSchema": RULE})
    return database
