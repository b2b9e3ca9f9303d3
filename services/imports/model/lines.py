"""Order lines and rejections, which rows of an export become. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any, Literal, Self

Kind = Literal["sale", "return"]

# What the customers and orders services take at most; a longer text would only fail later.
MAX_LENGTHS = {
    "number": 100,
    "sku": 100,
    "description": 500,
    "customer": 100,
    "first_name": 100,
    "last_name": 100,
    "name": 200,
    "company": 200,
    "line1": 200,
    "line2": 200,
    "city": 100,
    "region": 100,
    "postcode": 20,
    "country": 100,
}

# Python's ordinary context rounds to 28 digits; a sum of large amounts with six decimals has more.
_EXACT = Context(prec=200)


class Unfit(Exception):
    """A row, or the rows of an order together, cannot be taken; the message is a sentence why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Buyer:
    """The buyer that a row states. Phones are E.164; "" and () where it says nothing."""

    external_id: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The address that a row states. `country` is an ISO 3166-1 alpha-2 code, or "".

    A country's text that has no code (such as "Channel Islands") is kept in `region`.
    """

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One accepted row: a line, and what its row says about the order it belongs to.

    `placed_at` is aware UTC to the millisecond. `notes` are sentences on what was left out.
    """

    number: str
    kind: Kind
    status: str
    placed_at: datetime
    currency: str
    sku: str
    description: str
    quantity: int
    unit_price: Decimal
    buyer: Buyer | None = None
    place: Place | None = None
    notes: tuple[str, ...] = ()

    @property
    def amount(self) -> Decimal:
        """Quantity times unit price, exact, in `currency`."""
        return multiply(Decimal(self.quantity), self.unit_price)

    def to_document(self) -> dict[str, Any]:
        """The line as plain data: text, numbers, lists, a datetime; the price as text."""
        return {
            "number": self.number,
            "kind": self.kind,
            "status": self.status,
            "placed_at": self.placed_at,
            "currency": self.currency,
            "sku": self.sku,
            "description": self.description,
            "quantity": self.quantity,
            "unit_price": str(self.unit_price),
            "buyer": None if self.buyer is None else _plain(self.buyer),
            "place": None if self.place is None else _plain(self.place),
            "notes": list(self.notes),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """The line that `to_document` wrote. Other keys are ignored; a naive time is UTC."""
        at, buyer, place = document["placed_at"], document["buyer"], document["place"]
        return cls(
            number=document["number"],
            kind=document["kind"],
            status=document["status"],
            placed_at=at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC),
            currency=document["currency"],
            sku=document["sku"],
            description=document["description"],
            quantity=document["quantity"],
            unit_price=Decimal(document["unit_price"]),
            buyer=None if buyer is None else _buyer(buyer),
            place=None if place is None else Place(**place),
            notes=tuple(document["notes"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """Why a row is not taken, and what it would have come to.

    `amount` is None where quantity or price cannot be read; `currency` where that cannot.
    """

    reason: str
    amount: Decimal | None = None
    currency: str | None = None


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """The exact product, whatever the context of the thread."""
    return _EXACT.multiply(left, right)


def add(left: Decimal, right: Decimal) -> Decimal:
    """The exact sum, whatever the context of the thread."""
    return _EXACT.add(left, right)


def _plain(value: Buyer | Place) -> dict[str, Any]:
    # Not dataclasses.asdict, which copies deeply: it takes four times as long, for every row.
    stated = ((name, getattr(value, name)) for name in value.__slots__)
    return {name: list(item) if isinstance(item, tuple) else item for name, item in stated if item}


def _buyer(document: dict[str, Any]) -> Buyer:
    lists = {name: tuple(document.get(name, ())) for name in ("emails", "phones")}
    return Buyer(**document | lists)
