"""Names, streets and towns of several countries, for the generated shop."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Country:
    """Names and places of a country's customers."""

    code: str
    currency: str
    language: str
    share: int
    """Customers from there, in a hundred."""
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    """The commonest first."""
    towns: tuple[tuple[str, str, str], ...]
    """Each with a postcode and the beginning of its phone numbers."""
    digits: int
    """The number of digits behind that beginning."""
    streets: tuple[str, ...]
    house_first: bool
    """True if the number stands before the street."""


@cache
def countries() -> tuple[Country, ...]:
    """The countries of customers."""
    text = resources.files(__package__).joinpath("countries.toml").read_text(encoding="utf-8")
    return tuple(_country(row) for row in tomllib.loads(text)["countries"])


def _country(row: dict[str, Any]) -> Country:
    names = {field: _words(row[field]) for field in ("first_names", "last_names")}
    towns = tuple((town, postcode, prefix) for town, postcode, prefix in row["towns"])
    return Country(**row | names | {"towns": towns, "streets": tuple(row["streets"])})


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())
