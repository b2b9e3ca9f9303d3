"""Files unpacked to pieces of bytes."""

import gzip
import io
import zlib
from collections.abc import Callable

import pytest

from services.imports.reading.errors import FileTooLarge, FileUnreadable
from services.imports.reading.unpacking import PIECE_BYTES, pieces, pieces_behind

PLENTY = 10_000_000


class Pipe:
    """A stream that cannot seek and gives a few bytes at a time, as a socket does."""

    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, 1_000))


class TestPieces:
    @pytest.mark.parametrize("stream_type", [io.BytesIO, Pipe])
    def test_unzips_what_is_zipped(self, stream_type: type[io.BytesIO | Pipe]) -> None:
        content = bytes(range(256)) * 1_000

        plain = list(pieces(stream_type(content), max_bytes=PLENTY))
        unzipped = list(pieces(stream_type(gzip.compress(content)), max_bytes=PLENTY))

        assert b"".join(plain) == b"".join(unzipped) == content
        assert {len(piece) for piece in plain[:-1]} == {PIECE_BYTES}

    def test_unzips_members_one_after_another(self) -> None:
        content = gzip.compress(b"one,") + gzip.compress(b"two")

        assert b"".join(pieces(io.BytesIO(content), max_bytes=PLENTY)) == b"one,two"

    def test_stops_at_the_limit_whatever_the_zipped_size(self) -> None:
        bomb = gzip.compress(b"0" * 1_000_001)

        with pytest.raises(FileTooLarge, match="larger than 1,000,000 bytes"):
            list(pieces(io.BytesIO(bomb), max_bytes=1_000_000))

    def test_takes_exactly_the_limit(self) -> None:
        assert sum(map(len, pieces(io.BytesIO(b"0" * 1_000), max_bytes=1_000))) == 1_000

    def test_refuses_workbooks_by_name(self) -> None:
        with pytest.raises(FileUnreadable, match="a ZIP archive or workbook; save it as CSV"):
            next(pieces(io.BytesIO(b"PK\x03\x04rest"), max_bytes=PLENTY))

    @pytest.mark.parametrize(
        ("damage", "error"),
        [
            (lambda zipped: zipped[:-4], EOFError),
            (lambda zipped: zipped[:-8] + b"\0\0\0\0" + zipped[-4:], gzip.BadGzipFile),
            (lambda zipped: zipped[:20] + b"\xff" * 20 + zipped[40:], zlib.error),
            (lambda zipped: zipped + b"more", gzip.BadGzipFile),
        ],
    )
    def test_passes_on_what_is_wrong_with_a_gzip(
        self, damage: Callable[[bytes], bytes], error: type[Exception]
    ) -> None:
        zipped = gzip.compress(b"".join(b"%d," % number for number in range(10_000)))

        with pytest.raises(error):
            list(pieces(io.BytesIO(damage(zipped)), max_bytes=PLENTY))


class TestPiecesBehind:
    @pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
    def test_are_the_rest(self, pack: Callable[[bytes], bytes]) -> None:
        content = bytes(range(256)) * 1_000
        stream = io.BytesIO(pack(content))
        stream.read(99)

        behind = pieces_behind(stream, 2 * PIECE_BYTES, max_bytes=PLENTY)

        assert b"".join(behind) == content[2 * PIECE_BYTES :]

    @pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
    def test_count_what_is_before_towards_the_limit(self, pack: Callable[[bytes], bytes]) -> None:
        stream = io.BytesIO(pack(b"0" * 100_000))

        with pytest.raises(FileTooLarge):
            list(pieces_behind(stream, PIECE_BYTES, max_bytes=99_999))
