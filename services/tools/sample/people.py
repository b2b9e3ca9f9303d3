"""The customers of the generated shop."""

import random
import unicodedata
from datetime import datetime, timedelta
from functools import cache

from services.customers.model.customers import Address, Customer, Email, Phone, Preference
from services.customers.model.names import name_key
from services.tools.sample.names import Country, countries
from services.tools.sample.plan import DAYS, FIRST_DAY, Plan

_COMPANIES = ("Trading", "& Sons", "Interiors", "Café", "Studio", "Gifts", "Supplies", "Atelier")
_LABELS = ("private", "work", None)
_INTERESTS = (
    "baking",
    "bags",
    "candles",
    "children",
    "christmas",
    "garden",
    "kitchen",
    "lights",
    "paper",
    "party",
    "retro",
    "sewing",
)


def customers(plan: Plan, numbers: range) -> list[Customer]:
    """The customers with these numbers. The lower a number, the more they buy."""
    dice = plan.dice("customers", numbers)
    homes = dice.choices(countries(), cum_weights=_shares(), k=len(numbers))
    return [
        _customer(plan, dice, number, home) for number, home in zip(numbers, homes, strict=True)
    ]


def joined_at(plan: Plan, number: int, dice: random.Random) -> datetime:
    """When a customer came: the earlier, the lower the number, over most of the time."""
    share = (number + dice.random()) / plan.customers
    return FIRST_DAY + timedelta(seconds=int(share * 0.9 * DAYS * 86_400))


def _customer(plan: Plan, dice: random.Random, number: int, home: Country) -> Customer:
    now = joined_at(plan, number, dice)
    # The square of an even chance crowds towards the first, as the commonest names do.
    last = home.last_names[int(len(home.last_names) * dice.random() ** 2)]
    first = dice.choice(home.first_names)
    chance = dice.random()
    if chance > 0.93:
        last = f"{last}-{dice.choice(home.last_names)}"
    company = f"{last} {dice.choice(_COMPANIES)}" if chance < 0.05 else None
    return Customer.new(
        id=plan.customer_id(number),
        now=now,
        external_id=f"S{number:06}-{plan.mark}",
        first_name=None if company and dice.random() < 0.5 else first,
        last_name=last,
        company=company,
        emails=_emails(dice, f"{_latin(first)}.{_latin(last)}", f"{number}-{plan.mark}"),
        phones=_phones(dice, home),
        addresses=_addresses(dice, home),
        tags=_tags(dice, number / plan.customers, company),
        preferences=_preferences(dice, home),
        channels=_channels(dice),
        interests=_interests(dice),
    )


def _emails(dice: random.Random, name: str, mark: str) -> tuple[Email, ...]:
    count = dice.choices((0, 1, 2), cum_weights=(4, 92, 100))[0]
    return tuple(
        Email(address=f"{name}.{mark}@{place}", label=_LABELS[dice.randrange(3)])
        for place in ("example.com", "example.org")[:count]
    )


def _phones(dice: random.Random, home: Country) -> tuple[Phone, ...]:
    if dice.random() < 0.25:
        return ()
    prefix = dice.choice(home.towns)[2]
    # A town's own number is longer where the code of the town is shorter.
    digits = home.digits + max(0, len(home.towns[0][2]) - len(prefix))
    number = dice.randrange(2 * 10 ** (digits - 1), 9 * 10 ** (digits - 1))
    return (Phone(number=f"{prefix}{number}", label=_LABELS[dice.randrange(3)]),)


def _addresses(dice: random.Random, home: Country) -> tuple[Address, ...]:
    count = dice.choices((1, 2), cum_weights=(85, 100))[0]
    return tuple(_address(dice, home, label) for label in ("home", "delivery")[:count])


def _address(dice: random.Random, home: Country, label: str) -> Address:
    town, postcode, _ = dice.choice(home.towns)
    street, house = dice.choice(home.streets), dice.randrange(1, 190)
    return Address(
        label=label,
        line1=f"{house} {street}" if home.house_first else f"{street} {house}",
        city=town,
        postcode=postcode,
        country=home.code,
    )


def _tags(dice: random.Random, rank: float, company: str | None) -> tuple[str, ...]:
    chances = (
        ("newsletter", 0.3),
        ("vip", 0.9 if rank < 0.01 else 0.002),
        ("wholesale", 0.6 if company else 0.0),
        ("careful", 0.001),
    )
    return tuple(tag for tag, chance in chances if dice.random() < chance)


def _preferences(dice: random.Random, home: Country) -> dict[str, Preference]:
    chosen: dict[str, Preference] = {"language": home.language}
    if dice.random() < 0.2:
        chosen["gift_wrap"] = dice.random() < 0.5
    return chosen


def _channels(dice: random.Random) -> dict[str, bool]:
    """Most were asked about e-mail, and few about the rest."""
    asked = (("email", 0.7, 0.6), ("phone", 0.2, 0.4), ("sms", 0.1, 0.3), ("post", 0.3, 0.8))
    return {
        channel: dice.random() < agree for channel, known, agree in asked if dice.random() < known
    }


def _interests(dice: random.Random) -> tuple[str, ...]:
    if dice.random() < 0.4:
        return ()
    return tuple(sorted(dice.sample(_INTERESTS, dice.randrange(1, 4))))


@cache
def _latin(name: str) -> str:
    """A name as it may stand in an e-mail address."""
    plain = "".join(letter for letter in name_key(name) if letter.isascii() and letter.isalnum())
    return plain or f"u{unicodedata.normalize('NFC', name).encode().hex()[:8]}"


@cache
def _shares() -> tuple[int, ...]:
    total, shares = 0, []
    for country in countries():
        total += country.share
        shares.append(total)
    return tuple(shares)
