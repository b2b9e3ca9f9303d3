"""The rows of a file, read in one go or from any position on."""

import gzip
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from services.imports.model.lines import Line, Rejection
from services.imports.reading.mapping import Mapping
from services.imports.reading.positions import Position
from services.imports.reading.reader import Rows, read_rows
from services.imports.reading.unpacking import PIECE_BYTES

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
PLENTY = 100_000_000
HEADER = "No,Qty,Price,Time,Text\n"


class TestReadRows:
    def test_gives_number_fields_and_what_they_come_to(self, mapping: Mapping) -> None:
        content = HEADER + "1,1,2.50,2024-05-01,text\n2,1,x,2024-05-01,text\n"

        accepted, rejected = read(content.encode(), mapping)

        assert accepted[:2] == (1, ["1", "1", "2.50", "2024-05-01", "text"])
        assert isinstance(accepted[2], Line)
        assert rejected[:2] == (2, ["2", "1", "x", "2024-05-01", "text"])
        assert isinstance(rejected[2], Rejection)

    def test_goes_on_behind_a_row_of_which_only_the_number_is_known(self, mapping: Mapping) -> None:
        rows = read(shop("x"), mapping, Position(row=2_990))

        assert [number for number, _, _ in rows] == list(range(2_991, 3_001))


class TestPosition:
    """Reading goes on behind any row as if it had never stopped."""

    @pytest.mark.slow
    @pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
    @pytest.mark.parametrize(
        ("encoding", "letters"),
        [
            ("ascii", "x"),
            ("utf-8", "ü€"),
            ("utf-8-sig", "ü€"),
            ("utf-16", "ü€"),
            ("cp1252", "ü€"),
            ("cp932", "東京都"),
            ("iso2022_jp", "東京都"),
            ("gb18030", "東京都"),
        ],
    )
    def test_is_good_in_every_encoding(
        self, make_mapping: Any, encoding: str, letters: str, zipped: bool
    ) -> None:
        mapping = make_mapping({"description": "Text"}, format={"encoding": encoding})
        plain = shop(letters, encoding)
        content = gzip.compress(plain) if zipped else plain
        whole = list(read(content, mapping))

        for position in positions(content, mapping, every=1_301):
            behind = list(read(content, mapping, position))
            assert behind == whole[position.row :]

        assert len(plain) > PIECE_BYTES

    @pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
    def test_is_good_before_and_behind_the_first_accent(
        self, mapping: Mapping, encoding: str
    ) -> None:
        content = shop("x") + "9,1,2.50,2024-05-01,Müller\n".encode(encoding) * 2_000
        whole = list(read(content, mapping))

        for position in positions(content, mapping, every=1_501):
            assert list(read(content, mapping, position)) == whole[position.row :]

    def test_is_good_behind_blank_records_and_quoted_line_ends(self, mapping: Mapping) -> None:
        record = (
            '1,1,2.50,2024-05-01,"two\r\nlines"\r\n,,,,\r\n\r\n2,1,2.50,,\r\n2,1\r\n2,1,2,,\r\n'
        )
        content = (HEADER + record * 1_500).encode()
        whole = list(read(content, mapping))

        for position in positions(content, mapping, every=2_999):
            assert list(read(content, mapping, position)) == whole[position.row :]

    def test_needs_no_more_than_the_last_pieces_of_the_file(self, mapping: Mapping) -> None:
        content = shop("x" * 100)
        *_, last = positions(content, mapping, every=2_999)
        stream = CountingStream(content)

        read_to_end(read_rows(stream, mapping, now=NOW, max_bytes=PLENTY, position=last))

        # The header once more, and the pieces in which the last rows stand.
        assert stream.bytes_read < 4 * PIECE_BYTES < len(content)

    def test_bounds_the_whole_file_after_unzipping(self, mapping: Mapping) -> None:
        content = shop("x")
        *_, last = positions(content, mapping, every=2_500)

        with pytest.raises(Exception, match="larger than"):
            read_to_end(
                read_rows(
                    io.BytesIO(content),
                    mapping,
                    now=NOW,
                    max_bytes=len(content) - 1,
                    position=last,
                )
            )


class CountingStream(io.BytesIO):
    """A stream that counts the bytes read of it."""

    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        part = super().read(size)
        self.bytes_read += len(part)
        return part


def shop(text: str, encoding: str = "ascii") -> bytes:
    """3,000 rows; every order has two, the second of which leaves its time blank."""
    rows = (
        f"{n // 2},1,2.50,{'' if n % 2 else '2024-05-01'},{text} {n} {text * (n % 30)}\n"
        for n in range(3_000)
    )
    return (HEADER + "".join(rows)).encode(encoding)


def read(content: bytes, mapping: Mapping, position: Position = Position()) -> Rows:  # noqa: B008
    return read_rows(io.BytesIO(content), mapping, now=NOW, max_bytes=PLENTY, position=position)


def positions(content: bytes, mapping: Mapping, *, every: int) -> list[Position]:
    """The positions behind some rows, as a job keeps them."""
    rows = read(content, mapping)
    return [Position.from_text(rows.position.to_text()) for row, _, _ in rows if row % every == 0]


def read_to_end(rows: Rows) -> None:
    for _ in rows:
        pass


@pytest.fixture
def mapping(make_mapping: Any) -> Mapping:
    found: Mapping = make_mapping()
    return found
