"""A generated shop's export, with the mess that real ones have, and what it has to come to."""

import csv
import gzip
import io
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

HEADER = (
    "Beleg", "Datum", "Kunde", "Name", "E-Mail", "Telefon", "Straße", "PLZ", "Ort", "Land",
    "Artikel", "Bezeichnung", "Menge", "Preis",
)  # fmt: skip
COLUMNS = (
    "number", "placed_at", "customer", "name", "email", "phone", "line1", "postcode", "city",
    "country", "sku", "description", "quantity", "unit_price",
)  # fmt: skip
_PLACES = (
    ("Kö 1", "01067", "Dresden", "Deutschland"),
    ("Hauptstraße 5", "1010", "Wien", "Österreich"),
    ("High Street 7", "LS1 1UR", "Leeds", "UK"),
)
_GOODS = (("T-5", "Tischgröße XL"), ("S-1", "Stuhl; weiß"), ("L-3", 'Lampe "Élan"\nmit Schirm'))
_FIRST_DAY = datetime(2024, 1, 1, 9)  # noqa: DTZ001 - as the file writes it: local, without a zone.


@dataclass
class ShopFile:
    """A file, and what it has to come to."""

    content: bytes
    mapping: dict[str, Any]
    rows: int = 0
    rejects: list[list[str]] = field(default_factory=list)
    """The rejected rows as in the file, each behind its number."""
    accepted_amount: Decimal = Decimal(0)
    rejected_amount: Decimal = Decimal(0)
    orders: set[str] = field(default_factory=set)
    guests: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)

    @property
    def figures(self) -> dict[str, str]:
        """The account as the import command shows it, when all is new."""
        amounts = {
            "total accepted": self.accepted_amount,
            "total rejected": self.rejected_amount,
            "total file": self.accepted_amount + self.rejected_amount,
        }
        returns = [number for number in self.orders if "-G-" in number]
        counts = {
            "rows": self.rows,
            "accepted": self.rows - len(self.rejects),
            "rejected": len(self.rejects),
            "orders": len(self.orders),
            "returns": len(returns),
            "guest orders": len(self.guests),
            "customers": len(self.customers),
            "orders new": len(self.orders),
            "customers new": len(self.customers),
        }
        return {name: f"{count:,}" for name, count in counts.items()} | {
            name: f"{amount:,.3f} EUR" for name, amount in amounts.items()
        }


def generate(name: str, *, orders: int) -> ShopFile:
    """A file of that many orders, of three rows each on the average; alike for the same name.

    It is a gzip in the encoding of Windows, with semicolons, decimal commas and local times.
    """
    chance = random.Random(name)  # noqa: S311 - the same dice each time, not secrecy.
    made = ShopFile(content=b"", mapping=_mapping(name))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(HEADER)
    for order in range(orders):
        for row in _order(chance, name, order):
            writer.writerow(row)
            _account(made, row)
        if order % 50 == 0:
            # Spreadsheets leave such behind. It is no row.
            writer.writerow([""] * len(HEADER))
    made.content = gzip.compress(text.getvalue().encode("cp1252"))
    return made


def _mapping(name: str) -> dict[str, Any]:
    return {
        "source": name,
        "columns": dict(zip(COLUMNS, HEADER, strict=True)),
        "defaults": {"currency": "EUR"},
        "returns": {"number_prefix": f"{name}-G-"},
        "format": {
            "encoding": "cp1252",
            "delimiter": ";",
            "decimal": ",",
            "datetime": ["%d.%m.%Y %H:%M"],
            "timezone": "Europe/Berlin",
        },
    }


def _order(chance: random.Random, name: str, order: int) -> list[list[str]]:
    is_return = chance.random() < 0.1
    number = f"{name}-{'G' if is_return else 'R'}-{order:06}"
    at = _FIRST_DAY + timedelta(minutes=chance.randrange(500_000))
    buyer = _buyer(chance, name)
    rows = []
    for _ in range(chance.randrange(1, 6)):
        sku, title = chance.choice(_GOODS)
        quantity = chance.randrange(1, 13) * (-1 if is_return else 1)
        price = f"{chance.randrange(0, 9_999)},{chance.randrange(1_000):03}"
        row = [number, f"{at:%d.%m.%Y %H:%M}", *buyer, sku, title, str(quantity), price]
        rows.append(_spoilt(chance, row) if chance.random() < 0.04 else row)
    return rows


def _buyer(chance: random.Random, name: str) -> list[str]:
    """The cells from the customer to the country: somebody with a number, by e-mail, or a guest."""
    who = int(chance.random() ** 2 * 900)
    place = list(_PLACES[who % len(_PLACES)])
    kind = chance.random()
    if kind < 0.1:
        return ["", "", "", "", *place]
    if kind < 0.2:
        return ["", f"Änne Groß {who}", f"anne{who}@{name}.example", "", *place]
    phone = ("", "0351 4960", "keine Ahnung")[who % 3]
    return [f"{name}-{who}", f"Jörg Müller {who}", f"joerg{who}@{name}.example", phone, *place]


def _spoilt(chance: random.Random, row: list[str]) -> list[str]:
    """The row as nobody can take it."""
    *head, quantity, price = row
    opposite = str(-int(quantity))
    at = [head[0], "31.02.2024 10:00", *head[2:]]
    return chance.choice(
        [
            [*head, "viele", price],
            [*head, "0", price],
            [*head, opposite, price],
            [*head, quantity, ""],
            [*at, quantity, price],
            [*head, quantity],
        ]
    )


def _account(made: ShopFile, row: list[str]) -> None:
    """Add a row to what the file has to come to, by rules of its own that look at the cells."""
    made.rows += 1
    amount = _amount(row)
    if _is_fine(row):
        number, customer, email = row[0], row[2], row[4]
        made.accepted_amount += amount
        made.orders.add(number)
        if customer or email:
            made.customers.add(customer or email)
        else:
            made.guests.add(number)
    else:
        made.rejected_amount += amount
        made.rejects.append([str(made.rows), *row])


def _is_fine(row: list[str]) -> bool:
    if len(row) < len(HEADER) or row[-2] == "viele" or not row[-1]:
        return False
    return not row[1].startswith("31.02.") and (
        int(row[-2]) < 0 if "-G-" in row[0] else int(row[-2]) > 0
    )


def _amount(row: list[str]) -> Decimal:
    if len(row) < len(HEADER) or row[-2] == "viele" or not row[-1]:
        return Decimal(0)
    return int(row[-2]) * Decimal(row[-1].replace(",", "."))
