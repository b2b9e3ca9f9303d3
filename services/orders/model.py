"""Orders and returns, and the rules they obey. Pure: no database, no clock, no framework."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Any, Self

import orjson

from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.values.money import EXACT, ZERO, money

KINDS = ("sale", "return")
STATUSES = ("placed", "paid", "shipped", "delivered", "cancelled")
API = "api"
"""The source of an order whose caller names none."""

MAX_LINES = 10_000
MAX_QUANTITY = 10**9

# Step → the statuses from which it may be taken, and the one it leads to.
STEPS: dict[str, tuple[tuple[str, ...], str]] = {
    "pay": (("placed",), "paid"),
    "ship": (("paid",), "shipped"),
    "deliver": (("shipped",), "delivered"),
    "cancel": (("placed", "paid"), "cancelled"),
}


class NoSuchOrder(NotFound):
    """There is no order with this id."""


class OrderNumberTaken(Conflict):
    """The source already has an order with this number."""


class PlacedInFuture(Invalid):
    """An order cannot have been placed later than now."""


class WrongStep(Conflict):
    """The order is not at a point from which this step can be taken."""


class NoSuchCustomer(Invalid):
    """The order names a customer whom nobody knows."""


class CustomerGone(Invalid):
    """The order names a customer who was deleted."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Some pieces of one article. `subtotal` is quantity times unit_price, below 0 in a return."""

    sku: str
    description: str | None
    quantity: int
    unit_price: Decimal
    subtotal: Decimal


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address to send an order to. `country` is an ISO 3166-1 alpha-2 code, or None."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postcode: str | None = None
    country: str | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """A sale or a return, as it was placed. Without `customer_id` it is a guest's."""

    id: str
    number: str
    source: str
    kind: str
    status: str
    customer_id: str | None
    placed_at: datetime
    updated_at: datetime
    currency: str
    lines: tuple[Line, ...]
    total: Decimal
    shipping_address: Address | None
    version: int = 1

    @classmethod
    def place(
        cls,
        *,
        id: str,
        now: datetime,
        currency: str,
        lines: Sequence[dict[str, Any]],
        number: str | None = None,
        source: str = API,
        kind: str = "sale",
        status: str = "placed",
        customer_id: str | None = None,
        placed_at: datetime | None = None,
        total: Decimal | None = None,
        shipping_address: Address | None = None,
    ) -> Self:
        """An order as placed. `lines` have sku, quantity and unit_price, and may have the rest.

        `number` is the id unless it is given, `placed_at` is now. Amounts are computed; a given
        `total` or `subtotal` is only compared.

        :raises PlacedInFuture: `placed_at` is later than now.
        :raises Invalid: a quantity is of the other kind, or a given amount is not the
            computed one.
        """
        if placed_at is not None and placed_at > now:
            raise placed_in_future()
        made = tuple(_line(line, currency) for line in lines)
        computed = money(_sum(line.subtotal for line in made), currency=currency)
        errors = [*_line_errors(lines, made, kind), *_total_errors(total, computed)]
        if errors:
            raise Invalid("The request breaks a rule.", errors=tuple(errors))
        return cls(
            id=id,
            number=number or id,
            source=source,
            kind=kind,
            status=status,
            customer_id=customer_id,
            placed_at=placed_at or now,
            updated_at=now,
            currency=currency,
            lines=made,
            total=computed,
            shipping_address=shipping_address,
        )

    @cached_property
    def fingerprint(self) -> str:
        """The same for orders that said the same when placed, whatever their ids."""
        address = None if self.shipping_address is None else asdict(self.shipping_address)
        content = [
            self.kind,
            self.status,
            self.customer_id,
            self.placed_at,
            self.currency,
            address,
            [
                [line.sku, line.description, line.quantity, str(line.unit_price)]
                for line in self.lines
            ],
        ]
        return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def status_after(step: str, status: str) -> str:
    """The status to which `step` leads from `status`.

    :raises WrongStep: it cannot be taken from there; the message says which steps can.
    """
    starts, end = STEPS[step]
    if status in starts:
        return end
    open_steps = [name for name, (froms, _) in STEPS.items() if status in froms]
    way_out = f"open steps: {', '.join(open_steps)}" if open_steps else "no step is open any more"
    raise WrongStep(f"This order is {status}, so {step} is not possible; {way_out}.")


def placed_in_future() -> PlacedInFuture:
    """The refusal of an order that says it was placed later than now."""
    error = FieldError("placed_at", "It is in the future.")
    return PlacedInFuture("An order cannot be placed in the future.", errors=(error,))


def _line(given: dict[str, Any], currency: str) -> Line:
    subtotal = EXACT.multiply(given["unit_price"], Decimal(given["quantity"]))
    return Line(
        sku=given["sku"],
        description=given.get("description"),
        quantity=given["quantity"],
        unit_price=money(given["unit_price"], currency=currency),
        subtotal=money(subtotal, currency=currency),
    )


def _sum(amounts: Iterator[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _line_errors(
    given: Sequence[dict[str, Any]], lines: Sequence[Line], kind: str
) -> Iterator[FieldError]:
    for index, (asked, line) in enumerate(zip(given, lines, strict=True)):
        if line.quantity == 0 or (line.quantity > 0) != (kind == "sale"):
            rule = "above 0 in a sale" if kind == "sale" else "below 0 in a return"
            yield FieldError(f"lines.{index}.quantity", f"It must be {rule}.")
        if line.unit_price < 0:
            yield FieldError(f"lines.{index}.unit_price", "It must be 0 or more.")
        if asked.get("subtotal") not in (None, line.subtotal):
            yield FieldError(
                f"lines.{index}.subtotal", f"quantity times unit_price is {line.subtotal:f}."
            )


def _total_errors(given: Decimal | None, total: Decimal) -> Iterator[FieldError]:
    if given not in (None, total):
        yield FieldError("total", f"The subtotals add up to {total:f}.")
