"""The orders and returns of the generated shop."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from services.customers.model.customers import Customer
from services.orders.model import Address, Order
from services.tools.sample.goods import Article, articles, price
from services.tools.sample.plan import DAYS, FIRST_DAY, LAST_MOMENT, Plan
from shared.document import Document

SOURCES = ("sample", "sample-market", "sample-phone")
_OPEN = ("placed", "paid", "shipped", "delivered", "cancelled")
# What sells in a month, January first: before Christmas a lot, in February hardly anything.
_MONTHS = (70, 55, 75, 80, 90, 80, 65, 60, 90, 105, 190, 230)
# The few who buy most stand out the less, the larger this is.
_EVENNESS = 10.0


@dataclass(frozen=True, slots=True)
class Buyer:
    """The part of a customer that an order needs."""

    id: str
    joined_at: datetime
    currency: str
    home: Address


def buyer(customer: Customer, currency: str) -> Buyer:
    """A customer as an order sees them."""
    home = customer.addresses[0]
    return Buyer(
        id=customer.id,
        joined_at=customer.created_at,
        currency=currency,
        home=Address(
            line1=home.line1, city=home.city, postcode=home.postcode, country=home.country
        ),
    )


def orders(plan: Plan, numbers: range, buyers: Sequence[Buyer], *, now: datetime) -> list[Order]:
    """The orders with these numbers, as recorded at `now`. Returns follow sales of the chunk."""
    dice = plan.dice("orders", numbers)
    days = dice.choices(range(DAYS), cum_weights=_season(), k=len(numbers))
    made: list[Order] = []
    for number, day in zip(numbers, days, strict=True):
        sale = dice.choice(made) if made and dice.random() < 0.06 else None
        details = (
            _return(dice, sale)
            if sale is not None and sale.kind == "sale"
            else _sale(dice, day, buyers)
        )
        made.append(
            Order.place(
                id=plan.order_id(number),
                now=now,
                number=f"{'R' if details['kind'] == 'return' else 'S'}{number:07}-{plan.mark}",
                **details,
            )
        )
    return made


def _sale(dice: random.Random, day: int, buyers: Sequence[Buyer]) -> Document:
    one = buyers[_rank(dice.random(), len(buyers))]
    placed_at = FIRST_DAY + timedelta(days=day, seconds=int(dice.triangular(0, 86_399, 72_000)))
    if placed_at < one.joined_at:
        placed_at = one.joined_at + (LAST_MOMENT - one.joined_at) * dice.random()
    currency = one.currency if dice.random() < 0.97 else "EUR"
    goods = dice.choices(articles(), cum_weights=_popularity(), k=1 + int(4 * dice.random() ** 2))
    return {
        "kind": "sale",
        "source": dice.choices(SOURCES, cum_weights=(80, 96, 100))[0],
        "status": dice.choices(_OPEN, cum_weights=(2, 5, 9, 95, 100))[0],
        "customer_id": None if dice.random() < 0.08 else one.id,
        "placed_at": _whole(placed_at),
        "currency": currency,
        "lines": [_line(article, currency, 1 + int(6 * dice.random() ** 3)) for article in goods],
        "shipping_address": one.home,
    }


def _return(dice: random.Random, sale: Order) -> Document:
    """One line of an earlier sale, or some of it, back within three weeks."""
    line = dice.choice(sale.lines)
    placed_at = min(sale.placed_at + timedelta(hours=dice.randrange(48, 500)), LAST_MOMENT)
    return {
        "kind": "return",
        "source": sale.source,
        "status": "delivered",
        "customer_id": sale.customer_id,
        "placed_at": placed_at,
        "currency": sale.currency,
        "lines": [
            {
                "sku": line.sku,
                "description": line.description,
                "quantity": -dice.randint(1, line.quantity),
                "unit_price": line.unit_price,
            }
        ],
        "shipping_address": sale.shipping_address,
    }


def _line(article: Article, currency: str, quantity: int) -> Document:
    return {
        "sku": article.sku,
        "description": article.description,
        "quantity": quantity,
        "unit_price": price(article, currency),
    }


def _rank(chance: float, count: int) -> int:
    """The customer who buys: n in proportion to (n + 10) ** -0.8, a few much and many little."""
    low, high = _EVENNESS**0.2, (_EVENNESS + count) ** 0.2
    return min(int((low + chance * (high - low)) ** 5 - _EVENNESS), count - 1)


def _whole(time: datetime) -> datetime:
    """To the second, as order books have it."""
    return time.replace(microsecond=0)


@cache
def _season() -> tuple[float, ...]:
    """What sells on a day, added up. The shop grows, and weekends are busier."""
    total, weights = 0.0, []
    for day in range(DAYS):
        date = FIRST_DAY + timedelta(days=day)
        weekend = 1.3 if date.weekday() >= 5 else 1.0
        total += _MONTHS[date.month - 1] * weekend * (1 + day / DAYS)
        weights.append(total)
    return tuple(weights)


@cache
def _popularity() -> tuple[float, ...]:
    """What sells of each article, added up."""
    total, weights = 0.0, []
    for place in range(len(articles())):
        total += 1 / (place + 3)
        weights.append(total)
    return tuple(weights)
