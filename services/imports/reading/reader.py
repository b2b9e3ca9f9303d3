"""Reads the rows of a file as order lines, from its beginning or from an earlier position on."""

from collections.abc import Iterator
from datetime import datetime

from services.imports.reading.decoding import Text
from services.imports.reading.mapping import Mapping
from services.imports.reading.positions import BEGINNING, Position
from services.imports.reading.rows import Row, parse_rows
from services.imports.reading.table import Table, open_table
from services.imports.reading.unpacking import Seekable, pieces_behind


class Rows:
    """The rows of a file from a position on: number, fields as in the file, what they come to.

    Iterate once. At any time `position` is where reading can go on behind the last row given out.
    """

    def __init__(
        self, table: Table, mapping: Mapping, *, now: datetime, position: Position
    ) -> None:
        self._table = table
        self._number_at = table.columns.positions["number"]
        self._begun: tuple[int, int] | None = None
        self._position = position
        self._rows = parse_rows(self._noted(), table.columns, mapping, now=now, after=position.row)

    def __iter__(self) -> Iterator[Row]:
        """The rows.

        :raises FileUnreadable: the file is broken from here on.
        :raises FileTooLarge: it goes on for too long.
        """
        return self._rows

    @property
    def position(self) -> Position:
        """The position behind the last row given out."""
        if self._begun is None:
            return self._position
        order_after, characters = self._begun
        return Position(
            row=self._table.rows_read,
            order_after=order_after,
            place=self._table.place(characters),
        )

    def _noted(self) -> Iterator[tuple[int, list[str]]]:
        """The rows of the table, of which it is noted where each order begins."""
        number: list[str] | None = None
        characters = self._table.characters
        for row, fields in self._table:
            # A slice, because a row may be too short to have a number.
            found = fields[self._number_at : self._number_at + 1]
            if found != number:
                number, self._begun = found, (row - 1, characters)
            yield row, fields
            characters = self._table.characters


def read_rows(
    stream: Seekable,
    mapping: Mapping,
    *,
    now: datetime,
    max_bytes: int,
    position: Position = BEGINNING,
) -> Rows:
    """The rows of a file behind a position. `stream` must stand at the beginning of the file.

    :raises FileUnreadable: as `open_table`; the rows raise it where the file is broken further on.
    :raises FileTooLarge: it has more than `max_bytes`.
    """
    table = open_table(stream, mapping, max_bytes=max_bytes)
    if position.place is not None:
        behind = pieces_behind(stream, position.place.offset, max_bytes=max_bytes)
        table.go_on(Text(behind, start=position.place), rows_read=position.order_after)
    return Rows(table, mapping, now=now, position=position)
