"""Batches of documents turned while others change them, on the real server."""

import pytest
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from shared.document import Document
from shared.mongo.migrations.batches import MAX_TRIES, turn
from tests.support.toys import migration, split, toy


class TestTurn:
    def test_writes_the_new_form(self, database: Database[Document]) -> None:
        toys = [toy(1, colour="red-blue"), toy(2, schema_version=1)]
        database.toys.insert_many(toys)

        outcome = turn(database.toys, migration(), toys)

        assert (outcome.migrated, outcome.failures) == (2, [])
        assert list(database.toys.find()) == [
            {"_id": "0001", "version": 1, "colours": ["red", "blue"], "schema_version": 2},
            {"_id": "0002", "version": 1, "schema_version": 2, "colours": ["red"]},
        ]

    def test_leaves_alone_what_others_write_into_other_fields(
        self, database: Database[Document]
    ) -> None:
        database.toys.insert_one(toy(1, sold=1))

        def meanwhile(document: Document) -> Document:
            database.toys.update_one({"_id": document["_id"]}, {"$set": {"sold": 2}})
            return split(document)

        outcome = turn(database.toys, migration(meanwhile), list(database.toys.find()))

        assert outcome.migrated == 1
        assert database.toys.find_one() == split(toy(1, sold=2))

    def test_does_not_undo_a_change_made_meanwhile(self, database: Database[Document]) -> None:
        database.toys.insert_many([toy(1), toy(2)])
        seen: list[str] = []

        def meanwhile(document: Document) -> Document:
            if not seen:
                database.toys.update_one(
                    {"_id": "0002"}, {"$set": {"colour": "blue"}, "$inc": {"version": 1}}
                )
            seen.append(document["_id"])
            return split(document)

        outcome = turn(database.toys, migration(meanwhile), list(database.toys.find()))

        assert seen == ["0001", "0002", "0002"]
        assert (outcome.migrated, outcome.failures) == (2, [])
        assert database.toys.find_one({"_id": "0002"}) == split(toy(2, colour="blue", version=2))

    def test_does_not_undo_a_change_of_the_field_itself_without_a_version(
        self, database: Database[Document]
    ) -> None:
        database.toys.insert_one(toy(1))
        read = list(database.toys.find())
        database.toys.update_one({}, {"$set": {"colour": "blue"}})

        turn(database.toys, migration(), read)

        assert database.toys.find_one() == split(toy(1, colour="blue"))

    def test_leaves_what_others_have_written_in_the_new_form(
        self, database: Database[Document]
    ) -> None:
        database.toys.insert_one(toy(1))
        read = list(database.toys.find())
        new = split(toy(1, colour="blue", version=2))
        database.toys.replace_one({"_id": "0001"}, new)

        outcome = turn(database.toys, migration(), read)

        assert (outcome.migrated, outcome.failures) == (0, [])
        assert database.toys.find_one() == new

    def test_gives_up_on_one_that_changes_each_time(self, database: Database[Document]) -> None:
        database.toys.insert_one(toy(1))

        def meanwhile(document: Document) -> Document:
            database.toys.update_one({"_id": document["_id"]}, {"$inc": {"version": 1}})
            return split(document)

        outcome = turn(database.toys, migration(meanwhile), list(database.toys.find()))

        assert (outcome.migrated, [one["id"] for one in outcome.failures]) == (0, ["0001"])
        assert (database.toys.find_one() or {})["version"] == 1 + MAX_TRIES

    def test_names_what_cannot_be_turned_and_turns_the_rest(
        self, database: Database[Document]
    ) -> None:
        database.toys.insert_one({"_id": "held", "serial": 7, "schema_version": 2})
        toys = [
            toy(1),
            toy(2, colour="green"),
            {"_id": "0003", "version": 1},
            toy(4, schema_version=0),
            toy(5, sold=5),
            toy(6, sold=6),
            toy(7),
        ]
        database.toys.insert_many(toys)

        def clumsy(document: Document) -> Document:
            changes: dict[str, Document] = {"0005": {"serial": 7}, "0006": {"_id": "0009"}}
            return split(document) | changes.get(document["_id"], {})

        outcome = turn(database.toys, migration(clumsy), toys)

        assert outcome.migrated == 2
        assert {one["id"]: one["reason"] for one in outcome.failures} == {
            "0002": "The validator refuses what it would become (colours).",
            "0003": "KeyError: 'colour'",
            "0004": "It is of version 0, which nobody expects here.",
            "0005": "Another document has the same serial already.",
            "0006": "The migration gave it another id, or a wrong version.",
        }
        assert [one["_id"] for one in database.toys.find({"colours": ["red"]})] == ["0001", "0007"]
        assert list(database.toys.find({"_id": {"$in": ["0002", "0005"]}})) == [toys[1], toys[4]]

    def test_of_what_cannot_be_turned_writes_nothing(self, database: Database[Document]) -> None:
        database.toys.insert_one({"_id": "0001", "version": 1})

        outcome = turn(database.toys, migration(), list(database.toys.find()))

        assert (outcome.migrated, len(outcome.failures)) == (0, 1)
        assert database.toys.find_one() == {"_id": "0001", "version": 1}

    def test_stops_where_the_server_cannot_make_sense_of_it(
        self, database: Database[Document]
    ) -> None:
        database.toys.insert_one(toy(1))

        with pytest.raises(BulkWriteError):
            turn(database.toys, migration(lambda one: split(one) | {"": 1}), [toy(1)])

        assert database.toys.find_one() == toy(1)

    def test_tells_a_value_from_one_of_another_type(self, database: Database[Document]) -> None:
        database.toys.insert_one(toy(1, sold=1))

        def retype(document: Document) -> Document:
            return split(document) | {"sold": True}

        outcome = turn(database.toys, migration(retype), list(database.toys.find()))

        assert outcome.failures == [
            {"id": "0001", "reason": "The validator refuses what it would become (sold)."}
        ]
