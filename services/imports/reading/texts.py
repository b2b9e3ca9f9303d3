"""Cleans the text of a cell: trimmed, in one Unicode form, on one line, all of it to be seen."""

import re
import unicodedata

from services.imports.model.lines import MAX_LENGTHS, Unfit
from shared.values.text import HIDDEN, TURNING, is_blank

# What programs write where there is nothing. As a customer's id it would make one of all guests.
NOTHING = {"-", "--", "#n/a", "n/a", "nan", "none", "null"}

# Two that differ in what nobody sees alone would be two orders, articles or customers.
IDENTITIES = {"number", "sku", "customer"}

_BREAKS = re.compile(r"[\t\r\n\x0b\x0c\x85\u2028\u2029]+")
_CONTROLS = {"Cc", "Cs"}
_SHOWN = 40


def clean(cell: str, field: str) -> str:
    """The text of a cell. Line breaks and tabs inside become a space.

    Characters that nobody sees are left out: programs put marks of direction around names. From a
    description only those that turn round what follows are; in a number none is taken.

    :raises Unfit: it holds control characters, is a number or the like with characters that nobody
        sees, or is longer than `MAX_LENGTHS` says.
    """
    text = cell.strip()
    if not (text.isascii() and text.isprintable()):
        text = _plain(text, field)
    if len(text) > MAX_LENGTHS[field]:
        raise Unfit(f"The {label(field)} is longer than {MAX_LENGTHS[field]} characters.")
    return text


def is_nothing(text: str) -> bool:
    """True if a cell is blank, or says in some program's words that it is."""
    text = text.strip()
    return not text or text.casefold() in NOTHING


def label(field: str) -> str:
    """A field's name as a person would say it."""
    return field.replace("_", " ")


def quoted(text: str) -> str:
    """A cell's text as a message can show it: short, and safe to print."""
    shown = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return f'"{shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"}"'


def _plain(text: str, field: str) -> str:
    text = unicodedata.normalize("NFC", _BREAKS.sub(" ", text))
    if any(unicodedata.category(letter) in _CONTROLS for letter in text):
        raise Unfit(f"The {label(field)} holds a control character.")
    # The other services take what shows nothing for empty, and would refuse the whole entry.
    return "" if is_blank(text) else _seen(text, field)


def _seen(text: str, field: str) -> str:
    if field in IDENTITIES and HIDDEN.search(text):
        raise Unfit(f"The {label(field)} holds a character that nobody sees.")
    return (TURNING if field == "description" else HIDDEN).sub("", text).strip()
