"""Blank texts: those in which a person sees nothing. Knows no field and no file."""

import unicodedata

# Blanks, line ends and characters that only say how others are set: soft hyphens, zero-width spaces
# and joiners, marks of direction.
_UNSEEN = {"Zs", "Zl", "Zp", "Cc", "Cf"}
# What Unicode takes for letters or marks, and yet shows nothing: fillers of Hangul, the empty cell
# of Braille, and what joins, or picks a shape of, the character before.
_FILLERS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)


def is_blank(text: str) -> bool:
    """True if a person would see nothing of this text."""
    return all(one in _FILLERS or unicodedata.category(one) in _UNSEEN for one in text)
