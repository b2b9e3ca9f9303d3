"""What becomes of preferences of before, without any server."""

from importlib import import_module

import pytest

from shared.document import Document

migrate = import_module("services.customers.migrations.0001_split_preferences").migrate


class TestMigrate:
    @pytest.mark.parametrize(
        ("preferences", "channels", "interests", "left"),
        [
            ({}, {}, [], {}),
            ({"language": "en", "size": 38}, {}, [], {"language": "en", "size": 38}),
            ({"newsletter": True}, {"email": True}, [], {}),
            ({"contact_by_email": False}, {"email": False}, [], {}),
            (
                {"post": True, "sms": False, "contact_by_phone": True, "email": True},
                {"email": True, "phone": True, "post": True, "sms": False},
                [],
                {},
            ),
            ({"email": True, "newsletter": False}, {"email": False}, [], {}),
            ({"newsletter": False, "email": True}, {"email": False}, [], {}),
            ({"newsletter": "weekly", "phone": 1}, {}, [], {"newsletter": "weekly", "phone": 1}),
            (
                {"likes_retro": True, "interest_garden_tools": True},
                {},
                ["garden tools", "retro"],
                {},
            ),
            ({"likes_tea": True, "interest_tea": True}, {}, ["tea"], {}),
            ({"likes_tea": False}, {}, [], {"likes_tea": False}),
            ({"likes_tea": 1}, {}, [], {"likes_tea": 1}),
            ({"interest__": True}, {}, [], {"interest__": True}),
            ({"likes_" + "x" * 51: True}, {}, [], {"likes_" + "x" * 51: True}),
        ],
        ids=str,
    )
    def test_splits(
        self, preferences: Document, channels: Document, interests: list[str], left: Document
    ) -> None:
        before = {"_id": "1", "last_name": "Lee", "preferences": preferences}
        copy = {**before, "preferences": dict(preferences)}

        after = migrate(before)

        assert after == {
            "_id": "1",
            "last_name": "Lee",
            "preferences": left,
            "channels": channels,
            "interests": interests,
            "schema_version": 2,
        }
        assert before == copy

    def test_only_marks_what_stays_of_a_deleted_one(self) -> None:
        assert migrate({"_id": "1", "version": 3}) == {
            "_id": "1",
            "version": 3,
            "schema_version": 2,
        }
