"""Decodes bytes to lines of text, and notes places from which decoding can go on later.

Holds a piece at a time, never a file. Knows nothing of CSV but that a record must end some time.
"""

import codecs
import io
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from services.imports.reading.encodings import detect

# Without a bound, a file with no line ends, or a quotation mark that nothing closes, would be
# gathered in memory whole.
MAX_RECORD_LENGTH = 1_000_000

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNDECIDED = "ascii"


class Endless(Exception):
    """A record does not end, or not soon enough; the message says which, as half a sentence."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in the text of a file, from which decoding can go on without what is before it.

    It is `skip` characters behind the first `offset` bytes of the unpacked file, where a decoder of
    `encoding` was in the state `held` and `flags`.
    """

    offset: int = 0
    encoding: str = _UNDECIDED
    held: bytes = b""
    flags: int = 0
    skip: int = 0


class Text:
    """The text of a file, piece by piece. `encoding` is the one given, or found out on the way.

    Plain ASCII is the same in all candidates, so the choice is made at the first piece that is
    more than that: a file whose first accent stands in row 100,000 is read as well as another.
    """

    def __init__(self, source: Iterable[bytes], *, start: Place) -> None:
        self._source = source
        self._start = start
        self._given = -start.skip
        # Where pieces begin: characters given out before each, and its place.
        self._begun = deque([(self._given, replace(start, skip=0))])
        self._decode_as(start.encoding)
        if start.offset:
            # Not at the beginning: no state is 0 to all decoders, and some crash at a wrong one.
            self._decoder.setstate((start.held, start.flags))

    def __iter__(self) -> Iterator[str]:
        """The pieces.

        :raises UnicodeError: some bytes are not of the encoding; all before them was given out.
        """
        skip = self._start.skip
        for piece in self._decoded():
            self._given += len(piece)
            yield piece[skip:]
            skip = max(0, skip - len(piece))

    def place(self, characters: int) -> Place:
        """The place behind so many characters, no fewer than were asked for before."""
        while len(self._begun) > 1 and self._begun[1][0] <= characters:
            self._begun.popleft()
        before, place = self._begun[0]
        return replace(place, skip=characters - before)

    def _decoded(self) -> Iterator[str]:
        at = self._start.offset
        for piece in self._source:
            text = piece if at else self._without_mark(piece)
            if self.encoding == _UNDECIDED and not text.isascii():
                self._decode_as(detect(text))
            held, flags = self._decoder.getstate()
            place = Place(offset=at, encoding=self.encoding, held=held, flags=flags)
            self._begun.append((self._given, place))
            yield from self._decoded_piece(text)
            at += len(piece)
        yield self._decoder.decode(b"", final=True)

    def _decode_as(self, encoding: str) -> None:
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def _without_mark(self, piece: bytes) -> bytes:
        for mark, encoding in _MARKS:
            if piece.startswith(mark):
                self._decode_as(encoding)
                return piece[len(mark) :]
        return piece

    def _decoded_piece(self, piece: bytes) -> Iterator[str]:
        try:
            yield self._decoder.decode(piece)
        except UnicodeDecodeError as error:
            yield error.object[: error.start].decode(self.encoding, "ignore")
            raise


class Lines:
    """The lines of a text with their ends.

    `given` counts the characters given out, and `pending` those since the last record. Whoever puts
    records together sets `pending` to 0 after each, which shows a record that does not end.
    """

    def __init__(self, text: Iterable[str]) -> None:
        self.given = 0
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
        self.given += len(line)
        self.pending += len(line)
        return line

    def _guard(self, more: int) -> None:
        if self.pending + more > MAX_RECORD_LENGTH:
            raise Endless(f"a record is longer than {MAX_RECORD_LENGTH:,} characters")
