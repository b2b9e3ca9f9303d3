"""Texts in which a person does not see all that is there. Knows no field and no file.

Blank ones, in which they see nothing; and characters that show nothing themselves, or turn round
what stands beside them, so that two texts look alike, or one like another.
"""

import re
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


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Unicode's Cc and Cs: control characters, but for tab and line feed, and halves of pairs."""
# Embeddings, overrides and isolates: what they turn round need not end where the text does.
_TURNING = "\u202a-\u202e\u2066-\u2069"
TURNING = re.compile(f"[{_TURNING}]")
"""Characters that turn round the direction of what follows. No text needs them.

Marks of direction are not among them: a note in Hebrew or Arabic with a number in it does.
"""
HIDDEN = re.compile(
    # Marks of direction, soft hyphens, zero-width spaces, invisible signs, byte order marks, tags.
    f"[{_TURNING}\u061c\u200e\u200f\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that nobody sees in a name, those of `TURNING` among them.

The joiners U+200C and U+200D are not: Persian names and those of India are written with them. Nor
are selectors of a variant (U+FE00 and on), with which Japanese names tell alike signs apart.
"""


def is_blank(text: str) -> bool:
    """True if a person would see nothing of this text."""
    return all(one in _FILLERS or unicodedata.category(one) in _UNSEEN for one in text)
