"""A small generated shop, so that a new system has something to look at.

The same for the same seed.

Written through the repositories, in bulk, so that validators, events and ledgers all have their
part.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.customers import SENDS as CUSTOMERS_SEND
from services.customers import operations as customers
from services.customers.model import Address as CustomerAddress
from services.customers.model import Email, Phone
from services.customers.repository.customers import CustomerRepository
from services.orders import SENDS as ORDERS_SEND
from services.orders import operations as orders
from services.orders.directory import CustomerDirectory
from services.orders.model import Address
from services.orders.repository import CardRepository, OrderRepository
from shared.database import connect, database
from shared.settings import Settings

Document = dict[str, Any]

SEED = 20_240_101
BATCH = 500
FIRST_DAY = datetime(2024, 1, 1, 9, tzinfo=UTC)
DAYS = 730

_FIRST_NAMES = (
    "Ada",
    "Amélie",
    "Björn",
    "Carlos",
    "Dilek",
    "Edith",
    "Fatima",
    "Giulia",
    "Hiroshi",
    "Ines",
    "Jürgen",
    "Katarzyna",
    "Li",
    "Mateo",
    "Noor",
    "Olga",
    "Priya",
    "Quentin",
    "Rosa",
    "Sven",
    "Tomáš",
    "Yara",
)
_LAST_NAMES = (
    "Andersen",
    "Becker",
    "Costa",
    "Dubois",
    "Evans",
    "Fischer",
    "García",
    "Hughes",
    "Ivanova",
    "Jensen",
    "Kowalski",
    "Lopez",
    "Müller",
    "Novák",
    "O'Brien",
    "Patel",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Yılmaz",
)
_PLACES = (
    ("GB", "London", "+4420", 8, "GBP"),
    ("GB", "Leeds", "+44113", 7, "GBP"),
    ("DE", "Köln", "+49221", 7, "EUR"),
    ("FR", "Lyon", "+33478", 6, "EUR"),
    ("NL", "Utrecht", "+3130", 7, "EUR"),
    ("US", "Boston", "+1617", 7, "USD"),
)
_STREETS = ("High Street", "Station Road", "Mill Lane", "Garden Way", "Market Place", "Church Row")
_GOODS = (
    ("MUG-01", "Stoneware mug", "7.50"),
    ("TEA-02", "Assam tea, 250 g", "9.90"),
    ("LMP-03", "Desk lamp", "39.00"),
    ("BAG-04", "Canvas bag", "14.00"),
    ("CDL-05", "Beeswax candle", "6.25"),
    ("PEN-06", "Fountain pen", "48.00"),
    ("NTB-07", "Notebook, ruled", "5.40"),
    ("SCF-08", "Wool scarf", "32.00"),
    ("JAM-09", "Plum jam", "4.20"),
)
_STATUSES = (
    "delivered",
    "delivered",
    "delivered",
    "delivered",
    "shipped",
    "paid",
    "placed",
    "cancelled",
)


def load(settings: Settings, *, customers: int, orders: int) -> str:
    """Load a shop of this size into empty databases; answers with a sentence on what was done."""
    with connect(settings) as client:
        customer_store = CustomerRepository(database(client, settings, "customers"), CUSTOMERS_SEND)
        order_base = database(client, settings, "orders")
        order_store = OrderRepository(order_base, ORDERS_SEND)
        if customer_store.is_used() or order_store.is_used():
            return "sample: not loaded, there is data already"
        # Every customer of the sample is there, so nobody has to be asked about one.
        directory = CustomerDirectory(CardRepository(order_base), lambda ids: ids)
        people = _load_customers(customer_store, customers)
        _load_orders(order_store, directory, people, orders)
    return f"sample: {customers} customers and {orders} orders loaded"


def _load_customers(store: CustomerRepository, count: int) -> list[tuple[str, Document]]:
    chance = random.Random(SEED)  # noqa: S311 - a sample wants the same dice each time, not secrecy.
    people: list[tuple[str, Document]] = []
    for batch in _batches([_customer(chance, number) for number in range(1, count + 1)]):
        outcomes = customers.register_many(store, batch, now=FIRST_DAY, batch="sample")
        people += [(outcome["id"], person) for outcome, person in zip(outcomes, batch, strict=True)]
    return people


def _load_orders(
    store: OrderRepository,
    directory: CustomerDirectory,
    people: list[tuple[str, Document]],
    count: int,
) -> None:
    chance = random.Random(SEED + 1)  # noqa: S311 - as above.
    for batch in _batches([_order(chance, number, people) for number in range(1, count + 1)]):
        orders.place_many(store, directory, batch, now=datetime.now(UTC), batch="sample")


def _customer(chance: random.Random, number: int) -> Document:
    first, last = chance.choice(_FIRST_NAMES), chance.choice(_LAST_NAMES)
    country, city, prefix, digits, _ = chance.choice(_PLACES)
    phone = prefix + str(chance.randrange(2 * 10 ** (digits - 1), 9 * 10 ** (digits - 1)))
    street = f"{chance.randrange(1, 200)} {chance.choice(_STREETS)}"
    return {
        "external_id": f"S{number:04}",
        "first_name": first,
        "last_name": last,
        "emails": (Email(address=f"customer{number}@example.com", label="private"),),
        "phones": (Phone(number=phone),) if chance.random() < 0.7 else (),
        "addresses": (CustomerAddress(label="home", line1=street, city=city, country=country),),
        "tags": ("newsletter",) if chance.random() < 0.3 else (),
        "preferences": {"language": country.lower()},
    }


def _order(chance: random.Random, number: int, people: list[tuple[str, Document]]) -> Document:
    # A few buy often and many seldom: the square of an even chance crowds towards the first.
    id, person = people[int(len(people) * chance.random() ** 2)]
    home = person["addresses"][0]
    currency = next(place[4] for place in _PLACES if place[0] == home.country)
    is_return, is_guest = chance.random() < 0.06, chance.random() < 0.08
    sign = -1 if is_return else 1
    return {
        "number": f"{'R' if is_return else 'S'}{number:05}",
        "source": "sample",
        "kind": "return" if is_return else "sale",
        "status": chance.choice(_STATUSES),
        "customer_id": None if is_guest else id,
        "placed_at": FIRST_DAY
        + timedelta(days=chance.randrange(DAYS), minutes=chance.randrange(600)),
        "currency": currency,
        "lines": [
            {
                "sku": sku,
                "description": name,
                "quantity": sign * chance.randrange(1, 5),
                "unit_price": Decimal(price),
            }
            for sku, name, price in chance.sample(_GOODS, chance.randrange(1, 5))
        ],
        "shipping_address": Address(line1=home.line1, city=home.city, country=home.country),
    }


def _batches(entries: list[Document]) -> Iterator[list[Document]]:
    for start in range(0, len(entries), BATCH):
        yield entries[start : start + BATCH]
