"""Forged and altered deliveries: dead-lettered under ids of their own, without any effect."""

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Any

import pytest
from pymongo.database import Database

from shared.document import Document
from shared.messaging import forgeries
from shared.messaging.consumer import Consumer
from shared.settings import Settings
from tests.support.handlers import RecordingHandlers, delivery, sealed

MakeConsumer = Callable[..., Consumer]
FIELDS = ("id", "name", "schema", "sender", "collection", "document_id", "data", "signature")


def unsigned(size: int = 1) -> Document:
    """A delivery as the last release sent it, or somebody without a key."""
    made = delivery(size)
    del made["signature"]
    return made


class TestWithoutForged:
    @pytest.mark.parametrize(
        "raw", [5, None, "text", [], {}, {"id": 5}, ["list"], {"id": "\ud800"}, 2**70]
    )
    def test_dead_letters_what_is_no_delivery_once(
        self,
        make_consumer: MakeConsumer,
        handled: RecordingHandlers,
        database: Database[Document],
        raw: Any,
    ) -> None:
        fine, consumer = delivery(1), make_consumer(handled)

        for _ in range(2):
            assert consumer.handle([raw, fine]) == [fine]

        (letter,) = database.dead_letters.find()
        assert letter["_id"].startswith("forged-")
        assert letter["error"].startswith("It is forged: it is not signed.")
        assert handled.batches == [[1]]

    def test_settles_nothing_in_the_name_of_the_event_that_it_claims_to_be(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        consumer, genuine = make_consumer(handled), delivery(1)
        forged = {**genuine, "data": {**genuine["data"], "size": 999}}

        assert consumer.handle([forged]) == []
        assert consumer.handle([genuine]) == [genuine]

        assert handled.batches == [[1]]
        (letter,) = database.dead_letters.find()
        assert letter["_id"] != genuine["id"]
        assert [each["_id"] for each in database.inbox.find()] == [genuine["id"]]

    @pytest.mark.parametrize("field", FIELDS)
    @pytest.mark.parametrize("become", ["removed", "another", "nothing"])
    def test_notices_each_altered_field(
        self,
        make_consumer: MakeConsumer,
        handled: RecordingHandlers,
        database: Database[Document],
        field: str,
        become: str,
    ) -> None:
        altered = delivery(1)
        if become == "removed":
            del altered[field]
        else:
            altered[field] = delivery(2)[field] if become == "another" else None
            # Some are the same in every delivery.
            altered["added"] = 1

        assert make_consumer(handled).handle([altered]) == []

        assert handled.batches == []
        assert database.dead_letters.count_documents({}) == 1

    def test_does_not_take_what_was_sent_to_another(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        assert make_consumer(handled).handle([delivery(1, to="others")]) == []

        (letter,) = database.dead_letters.find()
        assert "no key of ours made its signature" in letter["error"]

    def test_keeps_no_value_of_what_it_refuses(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        before = {**unsigned(), "data": {"name": "Ann Planted"}, "actor": "Ann Planted"}

        make_consumer(handled).handle([before])

        (letter,) = database.dead_letters.find()
        assert "Planted" not in str(letter)
        assert f"id {before['id']}" in letter["error"]

    def test_takes_both_keys_while_they_are_changed_and_then_only_the_new_one(
        self, settings: Settings, handled: RecordingHandlers, database: Database[Document]
    ) -> None:
        new = bytes(32)
        changing = replace(settings, event_keys=(new, *settings.event_keys))
        changed = replace(settings, event_keys=(new,))
        for number, (wanted, count) in enumerate([(changing, 1), (changed, 0)]):
            consumer = Consumer("things", wanted, handled.join)
            assert len(consumer.handle([delivery(number)])) == count
            consumer.database.client.close()

        assert handled.batches == [[0]]
        assert database.dead_letters.count_documents({}) == 1

    def test_goes_on_with_what_is_genuine(
        self, make_consumer: MakeConsumer, handled: RecordingHandlers
    ) -> None:
        make_consumer(handled).handle([unsigned(1), delivery(2), 5, delivery(3)])

        assert handled.batches == [[2, 3]]


class TestNote:
    def test_keeps_so_many_and_counts_all(
        self,
        make_consumer: MakeConsumer,
        handled: RecordingHandlers,
        database: Database[Document],
        log: list[MutableMapping[str, Any]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(forgeries, "MAX_KEPT", 3)
        consumer = make_consumer(handled)

        consumer.handle([unsigned(1), unsigned(2)])
        consumer.handle([unsigned(3), unsigned(4), unsigned(5)])

        assert database.dead_letters.count_documents({}) == 3
        assert [entry["count"] for entry in log if entry["event"] == "forgeries_refused"] == [2, 3]
        assert sealed(unsigned())["signature"]
