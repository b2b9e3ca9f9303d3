"""Which currencies there are (ISO 4217)."""

from functools import cache

import pycountry

# ISO's codes for "no currency" and for tests: an order in them is a mistake in the file.
_NOT_MONEY = {"XXX", "XTS"}


@cache
def codes() -> frozenset[str]:
    """Every code an amount can be in."""
    return frozenset(currency.alpha_3 for currency in pycountry.currencies) - _NOT_MONEY
