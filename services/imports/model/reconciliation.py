"""Reconciles an import: every row and amount accounted for, to the last digit. Pure."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from bson import Decimal128

from services.imports.model.lines import add
from shared.document import Document


def reconcile(
    totals: Iterable[Document], outcomes: Iterable[Document], *, shared_emails: int = 0
) -> Document:
    """The account of a finished import.

    `totals` counts and sums rows by currency and by whether they were rejected; `outcomes` counts
    customers and orders by kind, status and guest; `shared_emails` counts those who turned out to
    be another one by their e-mail address. Amounts are decimal strings; `file` is what accepted
    and rejected rows come to together. Rows whose amount cannot be read add nothing.
    """
    rows = {False: 0, True: 0}
    amounts: dict[str, dict[bool, Decimal]] = {}
    notes = shared_emails
    for group in totals:
        rejected = group["_id"]["rejected"]
        rows[rejected] += group["rows"]
        notes += group["notes"]
        currency = group["_id"]["currency"]
        if currency is not None:
            sums = amounts.setdefault(currency, {False: Decimal(0), True: Decimal(0)})
            sums[rejected] = add(sums[rejected], _decimal(group["amount"]))
    return {
        "rows": rows[False] + rows[True],
        "accepted": rows[False],
        "rejected": rows[True],
        "notes": notes,
        **_count(list(outcomes)),
        "totals": [
            {"currency": currency, **_totals(accepted=sums[False], rejected=sums[True])}
            for currency, sums in sorted(amounts.items())
        ],
    }


def _count(outcomes: list[Document]) -> Document:
    def number(**wanted: Any) -> int:
        return sum(
            group["n"]
            for group in outcomes
            if group["_id"]["status"] != "refused"
            and all(group["_id"][name] == value for name, value in wanted.items())
        )

    customers = number(kind="customer")
    customers_created = number(kind="customer", status="created")
    sales, returns = number(kind="sale"), number(kind="return")
    created = number(kind="sale", status="created") + number(kind="return", status="created")
    return {
        "orders": sales + returns,
        "returns": returns,
        "guest_orders": number(kind="sale", guest=True) + number(kind="return", guest=True),
        "customers": customers,
        "created": {"orders": created, "customers": customers_created},
        "unchanged": {
            "orders": sales + returns - created,
            "customers": customers - customers_created,
        },
    }


def _decimal(amount: Decimal128 | int) -> Decimal:
    return amount.to_decimal() if isinstance(amount, Decimal128) else Decimal(amount)


def _totals(*, accepted: Decimal, rejected: Decimal) -> dict[str, str]:
    """The sums as text, all with as many decimals as the longest has."""
    together = add(accepted, rejected)
    decimals = max(0, -int(together.as_tuple().exponent))
    named = {"accepted": accepted, "rejected": rejected, "file": together}
    return {name: f"{amount:.{decimals}f}" for name, amount in named.items()}
