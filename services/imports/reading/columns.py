"""Where in a file's rows each of our columns stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from services.imports.reading.errors import FileUnreadable
from services.imports.reading.mapping import Mapping

_SHOWN_TITLES = 40
_SHOWN_LENGTH = 60


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The positions of the mapped columns in a row, and that of the column that marks returns."""

    header: tuple[str, ...]
    positions: dict[str, int]
    returns: int | None = None

    @classmethod
    def find(cls, header: Sequence[str], mapping: Mapping) -> Self:
        """Find the mapped columns in a header; case and outer spaces do not matter.

        :raises FileUnreadable: a column is missing, or there are two of one name.
        """
        titles = tuple(title.strip() for title in header)
        marker = mapping.returns.column if mapping.returns else None
        return cls(
            header=titles,
            positions={name: _position(title, titles) for name, title in mapping.columns.items()},
            returns=None if marker is None else _position(marker, titles),
        )

    def cell(self, fields: Sequence[str], name: str) -> str:
        """The cell of one of our columns as it is in the file; "" where it is not mapped."""
        position = self.positions.get(name)
        return "" if position is None else fields[position]

    def cells(self, fields: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
        """The cells of several of our columns."""
        at = self.positions.get
        return tuple([fields[place] if (place := at(name)) is not None else "" for name in names])


def matches(header: Sequence[str], mapping: Mapping) -> int:
    """How many mapped columns a header has; tells the right delimiter from a wrong one."""
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
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in title)


def _key(title: str) -> str:
    return " ".join(title.split()).casefold()
