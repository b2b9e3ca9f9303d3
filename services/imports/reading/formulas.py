"""Cells that a spreadsheet would run as a formula: quoted on their way out, and back. Pure.

An apostrophe before such a cell makes text of it (OWASP, "CSV injection"). One that has some
already gets one more, so that taking one off again gives back what there was, to the character.
"""

import re
from collections.abc import Iterable, Sequence

REJECTS_TITLES = ("row", "reason")
"""The first titles of a file of rejected rows, by which it is known when it is imported again."""

# The signs, their full-width and small variants, and the minus of typographers; blanks before them
# are dropped by some programs. A tab or a line end at the beginning is taken for a new cell.
_SIGNS = "=+\\-@\u2212\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
_FORMULA = re.compile(rf"'*(?:[\t\r\n]|\s*[{_SIGNS}])")
# It computes nothing: -12.50, +1 234,5 or a phone number.
_NUMBER = re.compile(r"[+-][0-9.,][0-9., '\u00a0\u202f]*")


def quoted(cells: Iterable[str]) -> list[str]:
    """The cells of a row, so that a spreadsheet runs none of them."""
    return [f"'{cell}" if _is_formula(cell) else cell for cell in cells]


def unquoted(cells: Iterable[str]) -> list[str]:
    """The cells of a row as they were before they were quoted."""
    return [cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell for cell in cells]


def are_quoted(header: Sequence[str]) -> bool:
    """True if these are the titles of a file of rejected rows."""
    return tuple(header[: len(REJECTS_TITLES)]) == REJECTS_TITLES


def _is_formula(cell: str) -> bool:
    return bool(_FORMULA.match(cell)) and not _NUMBER.fullmatch(cell)
