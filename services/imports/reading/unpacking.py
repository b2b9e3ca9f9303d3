"""Unpacks a file, gzip or plain, to pieces of bytes within a limit. Knows no text.

Holds a piece at a time, never a file.
"""

import gzip
import io
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from services.imports.reading.errors import FileTooLarge, FileUnreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES = 65_536

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"


class Binary(Protocol):
    """Anything with bytes to read; it need not seek."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Seekable(Binary, Protocol):
    """A file that can be read from another place on."""

    def seek(self, position: int, /) -> object:
        """Go to a byte, counted from the beginning."""


class _Replayed(io.RawIOBase):
    """A stream whose first bytes were looked at, from its beginning again."""

    def __init__(self, head: bytes, rest: Binary) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        part, self._head = self._head[: len(view)], self._head[len(view) :]
        part = part or self._rest.read(len(view))
        view[: len(part)] = part
        return len(part)


def pieces(stream: Binary, *, max_bytes: int) -> Iterator[bytes]:
    """The bytes of a file, unzipped where it is a gzip, in pieces that are full but for the last.

    :raises FileTooLarge: there are more than `max_bytes` after unzipping.
    """
    head = _read_full(stream, PIECE_BYTES)
    if head.startswith(_ZIP):
        raise FileUnreadable(
            "The file is not a CSV file but a ZIP archive or workbook; save it as CSV."
        )
    whole = io.BufferedReader(_Replayed(head, stream), PIECE_BYTES)
    zipped = head.startswith(_GZIP)
    source: Binary = gzip.GzipFile(fileobj=whole, mode="rb") if zipped else whole
    return _limited(source, already=0, max_bytes=max_bytes)


def pieces_behind(stream: Seekable, position: int, *, max_bytes: int) -> Iterator[bytes]:
    """The pieces behind the first `position` bytes after unzipping, a multiple of a full piece.

    A gzip has to be unzipped from its beginning; of any other file, nothing before is read.

    :raises FileTooLarge: as `pieces`.
    """
    stream.seek(0)
    if _read_full(stream, len(_GZIP)) == _GZIP:
        stream.seek(0)
        return itertools.islice(pieces(stream, max_bytes=max_bytes), position // PIECE_BYTES, None)
    stream.seek(position)
    return _limited(stream, already=position, max_bytes=max_bytes)


def _limited(source: Binary, *, already: int, max_bytes: int) -> Iterator[bytes]:
    total = already
    while piece := _read_full(source, PIECE_BYTES):
        total += len(piece)
        if total > max_bytes:
            raise FileTooLarge(f"The file, unzipped, is larger than {max_bytes:,} bytes.")
        yield piece


def _read_full(stream: Binary, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
