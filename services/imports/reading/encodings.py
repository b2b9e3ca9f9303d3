"""Finds out the encoding of text from a piece of it that is more than plain ASCII."""

import codecs

from charset_normalizer import CharsetMatch, from_bytes

from services.imports.reading.errors import FileUnreadable

# What shops' programs write. Of all that charset-normalizer knows, many more would "fit" a few
# accents, and be wrong.
_CANDIDATES = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257",
    "cp932", "euc_jp", "gb18030", "big5", "cp949",
]  # fmt: skip
# charset-normalizer's measure of disorder, 0 to 1. Its own bound of 0.2 is for prose; lists of
# articles, all numbers and punctuation, pass it often.
_MAX_CHAOS = 0.5
_CLOSE = 0.1


def detect(piece: bytes) -> str:
    """The encoding of a piece that may break off within a letter.

    :raises FileUnreadable: it is no text, or none of the encodings that shops use.
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(piece)
    except UnicodeDecodeError:
        return "utf-8" if _is_broken_utf8(piece) else _legacy(piece)
    return "utf-8"


def _is_broken_utf8(piece: bytes) -> bool:
    """True if most of what is not ASCII reads as UTF-8: then it is that, with a broken byte in it.

    To take it for an older encoding, in which nothing is broken, would garble every accent.
    """
    text = piece.decode("utf-8", "replace")
    broken = text.count("\N{REPLACEMENT CHARACTER}")
    return sum(not letter.isascii() for letter in text) - broken >= broken


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
