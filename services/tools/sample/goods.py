"""Articles of the generated shop, and their prices in each currency."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

_KINDS = (
    ("MUG", "Stoneware mug", "7.50"),
    ("TEA", "Loose tea, 250 g", "9.90"),
    ("LMP", "Desk lamp", "39.00"),
    ("BAG", "Canvas bag", "14.00"),
    ("CDL", "Beeswax candle", "6.25"),
    ("PEN", "Fountain pen", "48.00"),
    ("NTB", "Notebook, ruled", "5.40"),
    ("SCF", "Wool scarf", "32.00"),
    ("JAM", "Plum jam", "4.20"),
    ("VAS", "Glass vase", "26.50"),
    ("CLK", "Wall clock", "59.00"),
    ("SOP", "Olive soap", "3.80"),
)
_SHADES = (
    "white",
    "red",
    "blue",
    "green",
    "black",
    "yellow",
    "grey",
    "amber",
    "rose",
    "ivory",
    "teal",
    "plum",
)
# What one euro of the list is in a shop of that currency, and the step to which prices are rounded.
_RATES = {
    "EUR": ("1", "0.05"),
    "GBP": ("0.86", "0.05"),
    "USD": ("1.10", "0.05"),
    "SEK": ("11.4", "1.00"),
    "NOK": ("11.6", "1.00"),
    "PLN": ("4.3", "0.10"),
    "TRY": ("35", "0.50"),
    "JPY": ("160", "10"),
    "EGP": ("53", "0.50"),
}


@dataclass(frozen=True, kw_only=True)
class Article:
    """Something that is sold, with its price in the list, in euros."""

    sku: str
    description: str
    price: Decimal


@cache
def articles() -> tuple[Article, ...]:
    """All that is sold; what sells best comes first."""
    return tuple(
        Article(
            sku=f"{code}-{number:02}", description=f"{name}, {shade}", price=Decimal(price) + number
        )
        for number, shade in enumerate(_SHADES, start=1)
        for code, name, price in _KINDS
    )


@cache
def price(article: Article, currency: str) -> Decimal:
    """The price of an article in a currency."""
    rate, step = (Decimal(text) for text in _RATES[currency])
    return (article.price * rate / step).to_integral_value() * step
