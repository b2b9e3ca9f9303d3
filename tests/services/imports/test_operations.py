"""Asking for imports, and writing out what was rejected."""

import csv
import io
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from pymongo.database import Database

from services.imports import operations, presets
from services.imports.operations import Requester
from services.imports.reading.errors import FileUnreadable
from services.imports.reading.mapping import MappingInvalid
from services.imports.repository.files import FileStore
from services.imports.repository.jobs import JobRepository
from shared.document import Document
from shared.errors import Invalid, Unavailable
from shared.idempotency import IdempotencyKeyReused
from tests.support.stall import MAPPING, NOW, SHOP, row, shop_file

Ask = Callable[..., Document]


class TestReadMapping:
    @pytest.mark.parametrize("name", presets.names())
    def test_reads_every_preset(self, name: str) -> None:
        assert operations.read_mapping(name, None) == presets.read(name)

    def test_reads_a_mapping_of_ones_own(self) -> None:
        assert operations.read_mapping(None, json.dumps(MAPPING)) == MAPPING

    @pytest.mark.parametrize(("preset", "mapping"), [(None, None), ("online-retail", "{}")])
    def test_wants_one_of_them(self, preset: str | None, mapping: str | None) -> None:
        with pytest.raises(Invalid) as refused:
            operations.read_mapping(preset, mapping)

        assert fields_of(refused.value) == {"preset": "Give either a preset or a mapping."}

    @pytest.mark.parametrize("name", ["", "shopify", "../online-retail", "online-retail.json"])
    def test_lists_the_presets_that_there_are(self, name: str) -> None:
        with pytest.raises(Invalid) as refused:
            operations.read_mapping(name, None)

        assert "online-retail" in fields_of(refused.value)["preset"]

    @pytest.mark.parametrize("text", ["", "{", "NaN", '{"source": "\\ud800"}', "[" * 20_000])
    def test_says_that_it_is_no_json(self, text: str) -> None:
        with pytest.raises(Invalid) as refused:
            operations.read_mapping(None, text)

        assert fields_of(refused.value) == {"mapping": "It is not valid JSON."}

    @pytest.mark.parametrize("text", ["null", "[]", "1", '"online-retail"', "{}"])
    def test_says_that_it_is_no_mapping(self, text: str) -> None:
        with pytest.raises(MappingInvalid):
            operations.read_mapping(None, text)

    def test_names_every_field_that_is_wrong(self) -> None:
        wrong = {**MAPPING, "format": {"decimal": "x"}, "defaults": {"currency": "GBP", "vat": 1}}
        del (columns := dict(MAPPING["columns"]))["quantity"]

        with pytest.raises(MappingInvalid) as refused:
            operations.read_mapping(None, json.dumps(wrong | {"columns": columns}))

        assert fields_of(refused.value).keys() == {
            "columns.quantity",
            "format.decimal",
            "defaults.vat",
        }


class TestAsk:
    def test_keeps_the_file_and_a_job(self, ask_for: Ask, files: FileStore) -> None:
        job = ask_for(name="shop.csv")

        with files.open(job["_id"]) as stream:
            assert stream.read() == SHOP
        assert job["file"]["name"] == "shop.csv"
        assert job["file"]["bytes"] == len(SHOP)
        assert job["file"]["sha256"] == sha256(SHOP).hexdigest()
        assert job["state"] == "staging"

    def test_keeps_the_beginning_of_a_long_name(self, ask_for: Ask) -> None:
        assert ask_for(name="x" * 300)["file"]["name"] == "x" * 255

    def test_keeps_nothing_of_what_cannot_be_read(
        self, ask_for: Ask, database: Database[Document]
    ) -> None:
        with pytest.raises(FileUnreadable):
            ask_for(b"No,Time\n")

        assert database.jobs.count_documents({}) == 0
        assert database["uploads.files"].count_documents({}) == 0

    def test_keeps_nothing_when_it_is_not_delegated(
        self, ask_for: Ask, database: Database[Document]
    ) -> None:
        def refuse() -> str:
            raise Unavailable("The accounts service does not answer now.")

        with pytest.raises(Unavailable):
            ask_for(asked=Requester("a" * 24, None, refuse))

        assert database.jobs.count_documents({}) == 0
        assert database["uploads.files"].count_documents({}) == 0
        assert database["uploads.chunks"].count_documents({}) == 0

    def test_a_repeated_request_gets_the_first_answer(
        self, ask_for: Ask, database: Database[Document]
    ) -> None:
        first, again = ask_for(key="once"), ask_for(key="once")

        assert again == first
        assert database["uploads.files"].count_documents({}) == 1

    def test_a_key_is_not_taken_for_another_file_or_mapping(self, ask_for: Ask) -> None:
        ask_for(key="once")

        with pytest.raises(IdempotencyKeyReused):
            ask_for(shop_file(row("1")), key="once")
        with pytest.raises(IdempotencyKeyReused):
            ask_for(key="once", mapping=MAPPING | {"source": "other"})

    def test_two_at_once_under_one_key_make_one_job(
        self, ask_for: Ask, jobs: JobRepository, database: Database[Document]
    ) -> None:
        answers = []

        def delegate_late() -> str:
            # The same request comes again while this one is on its way.
            answers.append(ask_for(key="once"))
            return "session.late"

        answers.append(ask_for(asked=Requester("a" * 24, "once", delegate_late)))

        assert answers[0] == answers[1]
        assert jobs.collection.count_documents({}) == 1
        assert database["uploads.files"].count_documents({}) == 1


class TestWriteRejects:
    def test_writes_each_row_as_it_was(self) -> None:
        raw = ["-1.50", ' two "words", ', "line\nline", "1+1", "é"]
        rows = [{"row": 7, "reason": 'The quantity "x" is not a number.', "raw": raw}]

        text = "".join(operations.write_rejects(rows, ["a", "b,c", "d", "e", "f"]))

        assert list(csv.reader(io.StringIO(text, newline=""))) == [
            ["row", "reason", "a", "b,c", "d", "e", "f"],
            ["7", 'The quantity "x" is not a number.', *raw],
        ]

    def test_writes_no_cell_that_a_spreadsheet_would_run(self) -> None:
        rows = [{"row": 7, "reason": "No.", "raw": ["=1+1", "-2+3", "-12.50"]}]

        text = "".join(operations.write_rejects(rows, ["a", "@b", "c"]))

        assert text == "row,reason,a,'@b,c\r\n7,No.,'=1+1,'-2+3,-12.50\r\n"

    def test_of_none_writes_the_header(self) -> None:
        assert "".join(operations.write_rejects([], ["a"])) == "row,reason,a\r\n"


def fields_of(refusal: Invalid) -> dict[str, str]:
    """What a refusal says of each field."""
    return {error.field: error.message for error in refusal.errors}


@pytest.fixture
def ask_for(jobs: JobRepository, files: FileStore) -> Ask:
    """`ask_for(content, key=…, **details)`: ask for an import as Ann does."""

    def make(content: bytes = SHOP, *, key: str | None = None, **details: Any) -> Document:
        usual: dict[str, Any] = {
            "name": "shop.csv",
            "stream": io.BytesIO(content),
            "preset": None,
            "mapping": MAPPING,
            "asked": Requester("a" * 24, key, lambda: "session.secret"),
            "now": NOW,
            "max_bytes": 1_000_000,
        }
        return operations.ask(jobs, files, **usual | details)

    return make
