"""Reads numbers as shops write them, exactly: never through a float."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache

from services.imports.model.lines import Unfit
from services.imports.reading.texts import quoted
from shared.values.iso import money_currencies

UNSTATED = ""
"""No decimal sign is stated: it is a point, but where that could also group thousands."""

MAX_DECIMALS = 6
MAX_PRICE = Decimal(10) ** 12
MAX_QUANTITY = 10**9

# More digits are no amount of money; a bound keeps the work on a hostile cell small.
_MAX_DIGITS = 40
_MARK = r"(?:[A-Za-z\u00c0-\u024f]{1,3}\.?|[A-Z]{0,2}[$\u00a2-\u00a5\u20a0-\u20c0])"
_SIGN = "[-+\u2212]"
_SHAPE = re.compile(
    rf"(?P<open>\()?\s*(?P<sign1>{_SIGN})?\s*(?P<mark1>{_MARK})?\s*(?P<sign2>{_SIGN})?\s*"
    rf"(?P<digits>[0-9.,'\u2019\s]*[0-9][0-9.,'\u2019]*)"
    rf"\s*(?P<mark2>{_MARK})?\s*(?P<sign3>{_SIGN})?\s*(?P<close>\))?"
)
_SIGNS = re.compile(_SIGN)
# One point and three digits behind it, but no 0 before it: 1.234 is a thousand pounds to some.
_AMBIGUOUS = re.compile(r"(?<![0-9.,])[1-9][0-9]{0,2}\.[0-9]{3}(?![0-9.,])")
_WORDS = {"kr", "kr.", "zł", "kč", "ft", "lei", "fr", "fr.", "rs", "rs.", "din"}
_SPACES = {" ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]", "": "(?!)"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number and the money sign that stood beside it, or ""."""

    value: Decimal
    mark: str


@lru_cache(maxsize=16_384)
def read_quantity(cell: str, *, decimal: str, thousands: str) -> int:
    """A count of pieces: "6", "6.0", "1,000" where the comma groups thousands.

    :raises Unfit: it is none, or has 10 digits or more.
    """
    number = read(cell, "quantity", decimal=decimal, thousands=thousands)
    if number.mark or number.value != number.value.to_integral_value():
        raise Unfit(f"The quantity {quoted(cell)} is not a whole number.")
    if abs(number.value) >= MAX_QUANTITY:
        raise Unfit(f"The quantity {quoted(cell)} is too large.")
    return int(number.value)


@lru_cache(maxsize=65_536)
def read_price(cell: str, *, currency: str, decimal: str, thousands: str) -> Decimal:
    """A unit price, which may be negative; a money sign beside it must not belie `currency`.

    :raises Unfit: it is none, is in another currency, is too large, or has too many decimals.
    """
    number = read(cell, "unit price", decimal=decimal, thousands=thousands)
    stated = {"€": "EUR"}.get(number.mark, number.mark)
    if stated in money_currencies() and stated != currency:
        raise Unfit(f"The unit price {quoted(cell)} is not in {currency}.")
    if abs(number.value) >= MAX_PRICE:
        raise Unfit(f"The unit price {quoted(cell)} is too large.")
    price = _without_trailing_zeros(number.value)
    if -int(price.as_tuple().exponent) > MAX_DECIMALS:
        raise Unfit(f"The unit price {quoted(cell)} has more than {MAX_DECIMALS} decimals.")
    return price


def read(cell: str, name: str, *, decimal: str, thousands: str) -> Number:
    """The number in a cell, exact. Signs may lead or trail; "(2.55)" is negative, as in accounts.

    :raises Unfit: it is empty, or not a number written in this way; `name` says what it is.
    """
    text = cell.strip()
    if not text:
        raise Unfit(f"The {name} is missing.")
    if decimal == UNSTATED:
        if _AMBIGUOUS.search(text):
            raise Unfit(
                f"The {name} {quoted(cell)} can be read in two ways; "
                "name the decimal sign under format.decimal in the mapping."
            )
        decimal = "."
    shape = _SHAPE.fullmatch(text) if len(text) <= 2 * _MAX_DIGITS else None
    digits = shape and _digits(shape["digits"].strip(), decimal=decimal, thousands=thousands)
    if shape is None or digits is None or not _is_sound(shape):
        raise Unfit(f"The {name} {quoted(cell)} is not a number{_hint(decimal, thousands)}.")
    return Number(Decimal(_minus(shape) + digits), shape["mark1"] or shape["mark2"] or "")


def _without_trailing_zeros(value: Decimal) -> Decimal:
    """The same value with no more decimals than may be, where only zeros are lost."""
    whole, _, fraction = str(value).partition(".")
    kept = fraction[:MAX_DECIMALS] + fraction[MAX_DECIMALS:].rstrip("0")
    return Decimal(f"{whole}.{kept}") if kept != fraction else value


def _digits(text: str, *, decimal: str, thousands: str) -> str | None:
    match = _written(decimal, thousands).fullmatch(text)
    if match is None or len(text) > _MAX_DIGITS:
        return None
    whole = re.sub("[^0-9]", "", match["whole"] or "")
    fraction = match["fraction"] or ""
    return f"{whole or '0'}.{fraction}" if fraction else whole or None


@cache
def _written(decimal: str, thousands: str) -> re.Pattern[str]:
    group = _SPACES.get(thousands, re.escape(thousands))
    # Groups of two stand for the Indian way, 1,23,456; the last group always has three.
    whole = f"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]+"
    return re.compile(rf"(?P<whole>{whole})?(?:{re.escape(decimal)}(?P<fraction>[0-9]*))?")


def _is_sound(shape: re.Match[str]) -> bool:
    marks = [mark for mark in (shape["mark1"], shape["mark2"]) if mark]
    signs = [shape[name] for name in ("open", "sign1", "sign2", "sign3") if shape[name]]
    closed = bool(shape["open"]) == bool(shape["close"])
    return closed and len(signs) <= 1 and len(marks) <= 1 and all(map(_is_money, marks))


def _is_money(mark: str) -> bool:
    is_symbol = not mark[-1].isalnum() and mark[-1] != "."
    return is_symbol or mark in money_currencies() or mark.lower() in _WORDS


def _minus(shape: re.Match[str]) -> str:
    signs = (shape["open"], shape["sign1"], shape["sign2"], shape["sign3"])
    # A negative zero would print its sign wherever the amount is shown.
    zero = not re.search("[1-9]", shape["digits"])
    return "-" if not zero and any(sign in {"(", "-", "\u2212"} for sign in signs if sign) else ""


def _hint(decimal: str, thousands: str) -> str:
    grouping = f' and "{thousands}" between thousands' if thousands else ""
    return f' with "{decimal}" before its decimals{grouping}'
