"""Reads a file to its rows: header, delimiter, records. Leaves what they mean to `rows`.

Rows are counted as records of the CSV, not as lines of the file: the first record after the
header is row 1, a quoted text with line ends in it stays within its row, and a record with
nothing in any field is not a row and not counted.
"""

import csv
import gzip
import itertools
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.imports.reading.columns import Columns, matches
from services.imports.reading.decoding import Endless, Lines, Place, Text
from services.imports.reading.errors import FileUnreadable
from services.imports.reading.formulas import are_quoted, unquoted
from services.imports.reading.mapping import Mapping
from services.imports.reading.unpacking import Binary, pieces

HEAD_ROWS = 20

_DELIMITERS = (",", ";", "\t", "|")
# Excel's way to tell itself the delimiter: a line of its own before the header.
_DECLARED = re.compile(r'"?sep=(?P<delimiter>.)"?\s*', re.IGNORECASE)
# Our own file of rejected rows, as we wrote it or as a spreadsheet saved it, whatever the mapping
# says of the shop's files.
_REJECTS = re.compile(r'"?row"?(?P<delimiter>[,;\t|])"?reason"?(?P=delimiter)')
_BROKEN = (csv.Error, gzip.BadGzipFile, zlib.error, EOFError, UnicodeError, Endless)


@dataclass(frozen=True, kw_only=True)
class Head:
    """The beginning of a file."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Table:
    """A file that is being read. Iterate once; gives (row number, fields as in the file)."""

    def __init__(self, text: Text, mapping: Mapping) -> None:
        self.rows_read = 0
        self._mapping = mapping
        self._text = text
        self._lines = Lines(text)
        self._quotes = bool(mapping.format.quote)
        try:
            self.delimiter, self._records = self._open(mapping)
            header = next(self._records, [])
        except _BROKEN as error:
            raise self._refusal(error) from error
        self._lines.pending = 0
        self._is_quoted = are_quoted(header)
        if self._is_quoted:
            header = unquoted(header)
        _refuse_no_csv(header, self.delimiter, mapping)
        self.columns = Columns.find(header, mapping)

    @property
    def encoding(self) -> str:
        """The encoding; "ascii" as long as nothing shows another."""
        return self._text.encoding

    @property
    def characters(self) -> int:
        """The characters before the next record, for `place`."""
        return self._lines.given

    def place(self, characters: int) -> Place:
        """The place in the file behind so many characters."""
        return self._text.place(characters)

    def go_on(self, text: Text, *, rows_read: int) -> None:
        """Read on in this text of the same file, which begins with the record behind a row."""
        self.rows_read = rows_read
        self._text = text
        self._lines = Lines(text)
        self._records = _records(iter(self._lines), self.delimiter, quotes=self._quotes)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """The rows from where reading stands.

        :raises FileUnreadable: the file is broken from here on.
        :raises FileTooLarge: it goes on for too long.
        """
        try:
            for fields in self._records:
                self._lines.pending = 0
                if "".join(fields).strip():
                    self.rows_read += 1
                    yield self.rows_read, unquoted(fields) if self._is_quoted else fields
        except _BROKEN as error:
            raise self._refusal(error) from error

    def _open(self, mapping: Mapping) -> tuple[str, Iterator[list[str]]]:
        lines = iter(self._lines)
        first = self._first_line(lines)
        if "\0" in first:
            raise FileUnreadable("The file is not a CSV file: it holds binary data.")
        declared = _DECLARED.fullmatch(first)
        if declared:
            first = next(lines, "")
        given = mapping.format.delimiter or (declared and declared["delimiter"])
        if rejects := _REJECTS.match(first):
            self._quotes, given = True, rejects["delimiter"]
        delimiter = given or _likeliest_delimiter(first, mapping)
        records = _records(itertools.chain([first], lines), delimiter, quotes=self._quotes)
        return delimiter, records

    def _first_line(self, lines: Iterator[str]) -> str:
        for line in lines:
            if line.strip():
                return line
            self._lines.pending = 0
        raise FileUnreadable("The file is empty.")

    def _refusal(self, error: Exception) -> FileUnreadable:
        row = self.rows_read + 1
        if isinstance(error, UnicodeError):
            return FileUnreadable(
                f"The file is not valid {self.encoding} near row {row}; if it has another "
                "encoding, name it under format.encoding in the mapping."
            )
        if isinstance(error, gzip.BadGzipFile | zlib.error | EOFError):
            return FileUnreadable(
                f"The file is a broken gzip: it cannot be unzipped after row {row - 1}."
            )
        if isinstance(error, Endless):
            return FileUnreadable(f"The file cannot be read as CSV from row {row} on: {error}.")
        if "field larger" in str(error):
            return FileUnreadable(
                f"The file cannot be read as CSV from row {row} on: "
                f"a field is longer than {csv.field_size_limit():,} characters."
            )
        return FileUnreadable(
            f"The file cannot be read as CSV from row {row} on: a quotation mark stands where none "
            'can; if they are ordinary signs in this file, set format.quote to "" in the mapping.'
        )


def open_table(stream: Binary, mapping: Mapping, *, max_bytes: int) -> Table:
    """Begin to read a file, gzip or plain, from where `stream` stands. The stream need not seek.

    `max_bytes` bounds the file after unzipping.

    :raises FileUnreadable: it is no CSV, is broken at its beginning, or lacks a mapped column.
    :raises FileTooLarge: it has more than `max_bytes`.
    """
    encoding = mapping.format.encoding
    start = Place(encoding=encoding) if encoding else Place()
    return Table(Text(pieces(stream, max_bytes=max_bytes), start=start), mapping)


def inspect(stream: Binary, mapping: Mapping, *, max_bytes: int) -> Head:
    """Read the head of a file, to refuse at once what cannot be read.

    What is broken further on shows when it is read.
    Leaves `stream` somewhere behind the head; rewind it, or open it again, before `open_table`.

    :raises FileUnreadable: as `open_table`.
    """
    table = open_table(stream, mapping, max_bytes=max_bytes)
    first_rows = tuple(tuple(fields) for _, fields in itertools.islice(table, HEAD_ROWS))
    header = table.columns.header
    return Head(encoding=table.encoding, delimiter=table.delimiter, header=header, rows=first_rows)


def _records(lines: Iterator[str], delimiter: str, *, quotes: bool) -> Iterator[list[str]]:
    if not quotes:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    # Strict: otherwise a stray quotation mark would swallow the rows up to the next one unseen.
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _likeliest_delimiter(header: str, mapping: Mapping) -> str:
    """The delimiter under which most of the mapped columns are found, then that with most columns.

    csv.Sniffer is not asked: it guesses from how often a character comes, and the mapping knows.
    """

    def worth(delimiter: str) -> tuple[int, int]:
        quotes = bool(mapping.format.quote)
        titles = next(_records(iter([header]), delimiter, quotes=quotes))
        return matches(titles, mapping), len(titles)

    return max(_DELIMITERS, key=worth)


def _refuse_no_csv(header: Sequence[str], delimiter: str, mapping: Mapping) -> None:
    if len(header) == 1 and matches(header, mapping) < len(mapping.columns):
        lacking = (
            f"no {delimiter!r}" if mapping.format.delimiter else "no comma, semicolon, tab or bar"
        )
        raise FileUnreadable(
            f"The file is not a CSV file: its first line has {lacking} between columns."
        )
