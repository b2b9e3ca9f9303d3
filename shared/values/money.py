"""Money: exact arithmetic and the decimals of a currency. Knows no order."""

from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import cache

from babel.numbers import get_currency_precision

# What MongoDB's Decimal128 holds. The default context would round a long sum at 28 digits; this
# one raises rather than round.
EXACT = Context(prec=34, traps=[Inexact, InvalidOperation])


ZERO = Decimal(0)


def money(amount: Decimal, *, currency: str) -> Decimal:
    """`amount` with as many decimals as the currency has, or as the amount needs if that is more.

    So equal amounts of one currency look alike: 2.5 pounds are 2.50, and 0.001 stays as it is.
    """
    needed = int(amount.normalize(EXACT).as_tuple().exponent)
    rescaled = amount.quantize(_unit(min(needed, -_decimals(currency))), context=EXACT)
    return rescaled if rescaled else rescaled.copy_abs()


@cache
def _decimals(currency: str) -> int:
    return get_currency_precision(currency)


@cache
def _unit(exponent: int) -> Decimal:
    return Decimal((0, (1,), exponent))
