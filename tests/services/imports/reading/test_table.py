"""Files read to their records: header, delimiter, what is refused."""

import csv
import gzip
import io
import tracemalloc
from typing import Any

import pytest

from services.imports.reading.errors import FileTooLarge, FileUnreadable
from services.imports.reading.mapping import Mapping
from services.imports.reading.table import HEAD_ROWS, Table, inspect, open_table

PLENTY = 100_000_000
HEADER = "No,Qty,Price,Time,Text\n"


class TestTable:
    def test_counts_records_from_one(self, mapping: Mapping) -> None:
        assert list(table(HEADER + row(1) + row(2), mapping)) == [
            (1, ["1", "1", "2.50", "2024-05-01", "text"]),
            (2, ["2", "1", "2.50", "2024-05-01", "text"]),
        ]

    def test_keeps_a_quoted_text_with_line_ends_in_its_row(self, mapping: Mapping) -> None:
        content = HEADER + row(1, '"two\nlines, a comma and ""quotes"""') + row(2)

        rows = list(table(content, mapping))

        assert rows[0][1][4] == 'two\nlines, a comma and "quotes"'
        assert rows[1][0] == 2

    def test_does_not_count_records_with_nothing_in_them(self, mapping: Mapping) -> None:
        content = f"\n\n{HEADER}\n{row(1)},,,,\n  \n{row(2)}\n"

        assert [number for number, _ in table(content, mapping)] == [1, 2]

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_finds_delimiter_and_line_ends_out(
        self, mapping: Mapping, delimiter: str, end: str
    ) -> None:
        content = (HEADER + row(1)).replace(",", delimiter).replace("\n", end)

        found = table(content, mapping)

        assert found.delimiter == delimiter
        assert [fields[4] for _, fields in found] == ["text"]

    def test_is_not_misled_by_other_delimiters_in_the_header(self, make_mapping: Any) -> None:
        mapping = make_mapping({"sku": "Code, or name, of it"})

        found = table('No;Qty;Price;Time;Code, or name, of it;"a|b|c|d|e|f|g"\n', mapping)

        assert found.delimiter == ";"

    def test_believes_a_declared_delimiter(self, mapping: Mapping) -> None:
        content = "sep=;\r\n" + (HEADER + row(1)).replace(",", ";")

        assert [number for number, _ in table(content, mapping)] == [1]

    def test_believes_the_mapping(self, make_mapping: Any) -> None:
        mapping = make_mapping(format={"delimiter": "^"})

        assert table("No^Qty^Price^Time\n", mapping).columns.positions["placed_at"] == 3

    def test_takes_quotation_marks_as_they_are_if_told_so(self, make_mapping: Any) -> None:
        mapping = make_mapping(format={"quote": ""})

        rows = list(table(HEADER + row(1, '"12 inch') + row(2), mapping))

        assert [fields[4] for _, fields in rows] == ['"12 inch', "text"]

    def test_reads_a_byte_order_mark_away(self, mapping: Mapping) -> None:
        assert table("\ufeff" + HEADER, mapping).encoding == "utf-8"

    @pytest.mark.parametrize("content", ["", "\n\n \n"])
    def test_refuses_an_empty_file(self, mapping: Mapping, content: str) -> None:
        with pytest.raises(FileUnreadable, match=r"^The file is empty\.$"):
            table(content, mapping)

    @pytest.mark.parametrize(
        "content",
        [
            b"<html><body>",
            b"%PDF-1.4\n",
            b"just some text\nmore\n",
            b"\x89PNG\r\n\x1a\n\0\0",
            b"a\0b,c",
        ],
    )
    def test_refuses_what_is_no_csv(self, mapping: Mapping, content: bytes) -> None:
        with pytest.raises(FileUnreadable, match="is not a CSV file"):
            table(content, mapping)

    def test_refuses_a_file_without_a_column(self, mapping: Mapping) -> None:
        with pytest.raises(
            FileUnreadable, match='The column "Price" is missing; the file has: No,'
        ):
            table("No,Qty,Time,Text\n", mapping)

    def test_says_after_which_row_a_gzip_is_broken(self, mapping: Mapping) -> None:
        found = table(gzip.compress(many_rows(5_000))[:-1_000], mapping)

        with pytest.raises(FileUnreadable, match="broken gzip") as refusal:
            read_on(found)

        assert 0 < found.rows_read < 5_000
        assert refusal.value.message.endswith(f"after row {found.rows_read}.")

    def test_refuses_a_gzip_that_is_broken_at_once(self, mapping: Mapping) -> None:
        with pytest.raises(FileUnreadable, match="broken gzip: it cannot be unzipped after row 0"):
            table(b"\x1f\x8bnothing", mapping)

    def test_says_in_which_row_the_encoding_is_broken(self, make_mapping: Any) -> None:
        mapping = make_mapping(format={"encoding": "utf-8"})

        found = table(many_rows(5_000) + row(5_001, "\xff").encode("latin-1"), mapping)

        with pytest.raises(FileUnreadable, match="not valid utf-8 near row 5001"):
            read_on(found)

    def test_says_from_which_row_on_a_quotation_is_open(self, mapping: Mapping) -> None:
        found = table(many_rows(100) + row(101, '"open').encode(), mapping)

        with pytest.raises(FileUnreadable, match="from row 101 on: a quotation mark opens a text"):
            read_on(found)

    def test_refuses_a_field_that_is_too_long(self, mapping: Mapping) -> None:
        content = HEADER + row(1) + row(2, "x" * (csv.field_size_limit() + 1))

        with pytest.raises(FileUnreadable, match="from row 2 on: a field is longer than 131,072"):
            read_on(table(content, mapping))

    def test_refuses_a_record_that_does_not_end(self, mapping: Mapping) -> None:
        content = HEADER + row(1) + "x," * 1_000_000

        with pytest.raises(
            FileUnreadable, match="from row 2 on: a record is longer than 1,000,000"
        ):
            read_on(table(content, mapping))

    def test_refuses_a_file_that_is_too_large(self, mapping: Mapping) -> None:
        found = open_table(io.BytesIO(many_rows(5_000)), mapping, max_bytes=100_000)

        with pytest.raises(FileTooLarge):
            read_on(found)

    def test_passes_a_fault_of_the_stream_on(self, mapping: Mapping) -> None:
        class Faulty(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                raise OSError(f"disk, at {size}")

        with pytest.raises(OSError, match="disk"):
            open_table(Faulty(), mapping, max_bytes=PLENTY)

    @pytest.mark.slow
    def test_holds_little_in_memory(self, mapping: Mapping) -> None:
        zipped = gzip.compress(many_rows(300_000))

        most = peak_bytes(table(zipped, mapping))

        assert most < 5_000_000


class TestInspect:
    def test_shows_the_head(self, mapping: Mapping) -> None:
        head = inspect(io.BytesIO(many_rows(100)), mapping, max_bytes=PLENTY)

        assert head.header == ("No", "Qty", "Price", "Time", "Text")
        assert (head.delimiter, head.encoding) == (",", "ascii")
        assert len(head.rows) == HEAD_ROWS
        assert head.rows[0][0] == "0"

    def test_does_not_read_on(self, mapping: Mapping) -> None:
        stream = io.BytesIO(many_rows(50_000))

        inspect(stream, mapping, max_bytes=PLENTY)

        assert stream.tell() < 200_000

    def test_refuses_what_the_head_shows(self, mapping: Mapping) -> None:
        with pytest.raises(FileUnreadable, match='The column "No" is missing'):
            inspect(io.BytesIO(b"a,b\n"), mapping, max_bytes=PLENTY)


def row(number: int, text: str = "text") -> str:
    return f"{number},1,2.50,2024-05-01,{text}\n"


def many_rows(count: int) -> bytes:
    return (HEADER + "".join(row(number) for number in range(count))).encode()


def table(content: str | bytes, mapping: Mapping) -> Table:
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return open_table(stream, mapping, max_bytes=PLENTY)


def read_on(source: Table) -> None:
    for _ in source:
        pass


def peak_bytes(source: Table) -> int:
    tracemalloc.start()
    try:
        read_on(source)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def mapping(make_mapping: Any) -> Mapping:
    found: Mapping = make_mapping()
    return found
