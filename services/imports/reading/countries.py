"""Translates country names as shops write them to ISO 3166-1 alpha-2 codes."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, lru_cache

import pycountry
from babel import Locale

from shared.values import iso

_LANGUAGES = (
    "en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs", "sk", "hu", "ro",
    "el", "bg", "hr", "sl", "lt", "lv", "et", "tr", "ru", "uk", "ca",
)  # fmt: skip

# What people write and no list has. Parts of the United Kingdom have no code of their own.
_ALIASES = {
    "angleterre": "GB", "bosnia": "BA", "brasil": "BR", "britain": "GB", "burma": "MM",
    "cape verde": "CV", "ceylon": "LK", "czech republic": "CZ", "ddr": "DE", "east timor": "TL",
    "eire": "IE", "el": "GR", "engeland": "GB", "england": "GB", "gb eng": "GB", "gb nir": "GB",
    "gb sct": "GB", "gb wls": "GB", "gran bretagna": "GB", "gran bretana": "GB",
    "grande bretagne": "GB", "great britain": "GB", "groot brittannie": "GB",
    "grossbritannien": "GB", "holanda": "NL", "holland": "NL", "hollande": "NL", "hong kong": "HK",
    "hong kong sar": "HK", "inghilterra": "GB", "inglaterra": "GB", "ivory coast": "CI",
    "korea": "KR", "korea north": "KP", "korea south": "KR", "ksa": "SA", "macao": "MO",
    "macau": "MO", "macedonia": "MK", "mainland china": "CN", "moldavia": "MD", "n ireland": "GB",
    "north korea": "KP", "northern ireland": "GB", "nz": "NZ", "olanda": "NL", "palestine": "PS",
    "persia": "IR", "prc": "CN", "rep of ireland": "IE", "republic of ireland": "IE", "roi": "IE",
    "rsa": "ZA", "russia": "RU", "s africa": "ZA", "s korea": "KR", "schottland": "GB",
    "scotland": "GB", "slovak republic": "SK", "south korea": "KR", "swaziland": "SZ",
    "syria": "SY", "taiwan": "TW", "tanzania": "TZ", "turkey": "TR", "u a e": "AE", "u k": "GB",
    "u s": "US", "u s a": "US", "uae": "AE", "uk": "GB", "united states of america": "US",
    "usa": "US", "vatican": "VA", "vietnam": "VN", "wales": "GB",
}  # fmt: skip


@lru_cache(maxsize=4096)
def code_of(text: str) -> str | None:
    """The code of a country written as a code or a name; None where it is none, or could be two."""
    key = _key(text)
    return _names().get(key) or _names().get(key.removeprefix("the "))


@cache
def _names() -> dict[str, str]:
    codes = set(iso.countries())
    meanings: defaultdict[str, set[str]] = defaultdict(set)
    for code, name in _territories():
        if code in codes:
            meanings[_key(name)].add(code)
    # A name that two languages give to two countries is left out rather than guessed.
    names = {name: next(iter(found)) for name, found in meanings.items() if len(found) == 1}
    return names | _iso() | _ALIASES


def _territories() -> Iterator[tuple[str, str]]:
    for language in _LANGUAGES:
        yield from Locale(language).territories.items()


def _iso() -> dict[str, str]:
    attributes = ("official_name", "common_name", "name", "alpha_3", "alpha_2")
    return {
        _key(getattr(country, attribute)): country.alpha_2
        for attribute in attributes
        for country in pycountry.countries
        if hasattr(country, attribute)
    }


def _key(text: str) -> str:
    """A name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.replace("&", " and ")).casefold()
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())
