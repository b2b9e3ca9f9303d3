"""Bytes to lines of text: unzipping, the limit on size, the encoding.

Holds a piece at a time, never a file. Knows nothing of CSV but that a record must end some time.
"""

import codecs
import gzip
import io
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from charset_normalizer import CharsetMatch, from_bytes

from services.imports.reading.errors import FileTooLarge, FileUnreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES = 65_536
# Without a bound, a file with no line ends, or a quotation mark that nothing closes, would be
# gathered in memory whole.
MAX_RECORD_LENGTH = 1_000_000

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What shops' programs write. Of all that charset-normalizer knows, many more would "fit" a few
# accents, and be wrong.
_CANDIDATES = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257",
    "cp932", "euc_jp", "gb18030", "big5", "cp949",
]  # fmt: skip
_UNDECIDED = "ascii"
# charset-normalizer's measure of disorder, 0 to 1. Its own bound of 0.2 is for prose; lists of
# articles, all numbers and signs, pass it often.
_MAX_CHAOS = 0.5
_CLOSE = 0.1


class Endless(Exception):
    """A record does not end, or not soon enough; the message says which, as half a sentence."""


class Binary(Protocol):
    """Anything with bytes to read; it need not seek."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


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
    total = 0
    while piece := _read_full(source, PIECE_BYTES):
        total += len(piece)
        if total > max_bytes:
            raise FileTooLarge(f"The file, unzipped, is larger than {max_bytes:,} bytes.")
        yield piece


class Text:
    """The text of a file, piece by piece. `encoding` is the one given, or found out on the way.

    Plain ASCII is the same in all candidates, so the choice is made at the first piece that is
    more than that: a file whose first accent stands in row 100,000 is read as well as another.
    """

    def __init__(self, source: Iterable[bytes], *, encoding: str | None) -> None:
        self.encoding = encoding or _UNDECIDED
        self._source = source

    def __iter__(self) -> Iterator[str]:
        """The pieces.

        :raises UnicodeError: some bytes are not of the encoding; all before them was given out.
        """
        source = iter(self._source)
        piece = self._without_mark(next(source, b""))
        while self.encoding == _UNDECIDED and piece:
            if piece.isascii():
                yield piece.decode(_UNDECIDED)
                piece = next(source, b"")
            else:
                self.encoding = _detect(piece)
        decoder = codecs.getincrementaldecoder(self.encoding)()
        for part in itertools.chain([piece], source):
            yield from self._decoded(part, decoder)
        yield decoder.decode(b"", final=True)

    def _without_mark(self, piece: bytes) -> bytes:
        for mark, encoding in _MARKS:
            if piece.startswith(mark):
                self.encoding = encoding
                return piece[len(mark) :]
        return piece

    def _decoded(self, piece: bytes, decoder: codecs.IncrementalDecoder) -> Iterator[str]:
        try:
            yield decoder.decode(piece)
        except UnicodeDecodeError as error:
            yield error.object[: error.start].decode(self.encoding, "ignore")
            raise


class Lines:
    """The lines of a text with their ends.

    `pending` counts the signs given out. Whoever puts records together sets it to 0 after each,
    which lets this class see a record that does not end.
    """

    def __init__(self, text: Iterable[str]) -> None:
        self.pending = 0
        self._text = text

    def __iter__(self) -> Iterator[str]:
        """The lines.

        :raises Endless: a record does not end, or not soon enough.
        """
        rest = ""
        for piece in self._text:
            lines = list(io.StringIO(rest + piece, newline=""))
            # What follows may still belong to the last line, be it only the \n of an \r\n.
            rest = lines.pop() if lines and not lines[-1].endswith("\n") else ""
            self._guard(len(rest))
            for line in lines:
                yield self._counted(line)
        if rest:
            yield self._counted(rest)
        if self.pending:
            raise Endless("a quotation mark opens a text that nothing closes")

    def _counted(self, line: str) -> str:
        self._guard(len(line))
        self.pending += len(line)
        return line

    def _guard(self, more: int) -> None:
        if self.pending + more > MAX_RECORD_LENGTH:
            raise Endless(f"a record is longer than {MAX_RECORD_LENGTH:,} characters")


def _detect(piece: bytes) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(piece)
    except UnicodeDecodeError:
        return "utf-8" if _is_broken_utf8(piece) else _legacy(piece)
    return "utf-8"


def _is_broken_utf8(piece: bytes) -> bool:
    """Whether most of what is not ASCII reads as UTF-8: then it is that, with a broken byte in it.

    To take it for an older encoding, in which nothing is broken, would garble every accent.
    """
    text = piece.decode("utf-8", "replace")
    broken = text.count("\N{REPLACEMENT CHARACTER}")
    return sum(not sign.isascii() for sign in text) - broken >= broken


def _legacy(piece: bytes) -> str:
    if b"\0" in piece:
        raise FileUnreadable("The file is not a CSV file: it holds binary data.")
    sample = b"\n".join(line for line in piece.splitlines() if not line.isascii())
    found = from_bytes(sample, cp_isolation=_CANDIDATES, threshold=_MAX_CHAOS)
    best = found.best()
    if best is None:
        raise FileUnreadable(
            "The file is not valid utf-8, and its encoding cannot be told; "
            "name it under format.encoding in the mapping."
        )
    # A few accents fit several code pages almost alike; then it is the most common one.
    western = any(_is_western(match) and match.chaos <= best.chaos + _CLOSE for match in found)
    return "cp1252" if western else best.encoding


def _is_western(match: CharsetMatch) -> bool:
    return "cp1252" in (match.encoding, *match.could_be_from_charset)


def _read_full(stream: Binary, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
