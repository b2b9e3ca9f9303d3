"""ISO codes of countries (3166-1) and currencies (4217)."""

from functools import cache

import pycountry

# ISO's codes for "no currency" and for tests: an amount in them is a mistake.
_NOT_MONEY = {"XXX", "XTS"}


@cache
def currencies() -> frozenset[str]:
    """Every ISO 4217 code."""
    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


@cache
def money_currencies() -> frozenset[str]:
    """Every ISO 4217 code that a real amount can be in."""
    return currencies() - _NOT_MONEY


@cache
def countries() -> frozenset[str]:
    """Every ISO 3166-1 alpha-2 code."""
    return frozenset(country.alpha_2 for country in pycountry.countries)
