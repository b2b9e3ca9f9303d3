"""Columns of a file: finds the mapped ones in its header and binds each row to named cells.

Knows no rule of what a cell may hold.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Self

from services.imports.reading.errors import FileUnreadable
from services.imports.reading.mapping import Mapping
from services.imports.reading.mapping_schema import COLUMNS

Cells = dict[str, str]
"""A row's cells as they are in the file, by our names; "" for a column that is not mapped."""

RETURNS = "returns"
"""The name of the cell whose words mark returns, beside `COLUMNS`."""

_NAMES = (*COLUMNS, RETURNS)
_SHOWN_TITLES = 40
_SHOWN_LENGTH = 60


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The positions of the mapped columns in a row."""

    header: tuple[str, ...]
    positions: dict[str, int]
    pick: Callable[[Sequence[str]], tuple[Any, ...]]
    """The cells of `_NAMES` out of a row's fields and one blank field behind them."""

    @classmethod
    def find(cls, header: Sequence[str], mapping: Mapping) -> Self:
        """Find the mapped columns in a header; case and outer spaces do not matter.

        :raises FileUnreadable: a column is missing, or there are two of one name.
        """
        titles = tuple(title.strip() for title in header)
        mapped = dict(mapping.columns)
        if mapping.returns and mapping.returns.column:
            mapped[RETURNS] = mapping.returns.column
        positions = {name: _position(title, titles) for name, title in mapped.items()}
        return cls(
            header=titles,
            positions=positions,
            pick=itemgetter(*(positions.get(name, -1) for name in _NAMES)),
        )

    def bind(self, fields: Sequence[str]) -> Cells:
        """The cells of a row by name; none at all where the row is too short to have them."""
        if len(fields) < len(self.header):
            return {}
        return dict(zip(_NAMES, self.pick((*fields, "")), strict=True))

    def sharing(self, names: Iterable[str]) -> tuple[str, ...]:
        """The mapped columns among `names`, and those that are bound to the same fields."""
        places = {self.positions[name] for name in names if name in self.positions}
        return tuple(name for name, place in self.positions.items() if place in places)


def matches(header: Sequence[str], mapping: Mapping) -> int:
    """The number of mapped columns in a header; tells the right delimiter from a wrong one."""
    keys = {_key(title) for title in header}
    return sum(_key(title) in keys for title in mapping.columns.values())


def _position(title: str, titles: tuple[str, ...]) -> int:
    exact = [index for index, other in enumerate(titles) if other == title]
    found = exact or [index for index, other in enumerate(titles) if _key(other) == _key(title)]
    if len(found) > 1:
        raise FileUnreadable(
            f'The column "{title}" is there {len(found)} times; rename one of them.'
        )
    if not found:
        raise FileUnreadable(f'The column "{title}" is missing; the file has: {_listed(titles)}.')
    return found[0]


def _listed(titles: tuple[str, ...]) -> str:
    shown = [_printable(title)[:_SHOWN_LENGTH] for title in titles[:_SHOWN_TITLES]]
    more = len(titles) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _printable(title: str) -> str:
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in title
    )


def _key(title: str) -> str:
    return " ".join(title.split()).casefold()
