"""Lines to orders and customers, as the bulk endpoints of those services take them. Plain JSON."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from services.imports.model.lines import MAX_LENGTHS, Buyer, Line, Place, Unfit
from shared.values.email import email_key

# What the customers service takes at most.
MAX_CONTACTS = 20
MAX_ADDRESSES = 50
# The orders service wants an article on every line; what a file does not name was still sold.
NO_SKU = "-"


def customer_key(line: Line) -> str | None:
    """The key of a line's customer: the shop's id, else the first e-mail address.

    None is a guest. The key is `id:17850` or `email:ada@example.com`.
    """
    buyer = line.buyer
    if buyer is None:
        return None
    if buyer.external_id:
        return f"id:{buyer.external_id}"
    return f"email:{email_key(buyer.emails[0])}" if buyer.emails else None


def build_order(lines: Sequence[Line], source: str) -> dict[str, Any]:
    """The order that all accepted lines of one number make, in the order of the file.

    Its `customer_key` is `customer_key(line)`, for the caller to replace by the customer's id.

    :raises Unfit: two currencies, two customers, or both a sale and a return.
    """
    first = lines[0]
    kind = _only("kinds", (line.kind for line in lines), first.number)
    currency = _only("currencies", (line.currency for line in lines), first.number)
    keys = [key for line in lines if (key := customer_key(line))]
    place = next((line.place for line in lines if line.place), None)
    return {
        "source": source,
        "number": first.number,
        "kind": kind,
        "status": first.status,
        "placed_at": _rfc3339(min(line.placed_at for line in lines)),
        "currency": currency,
        "lines": [_order_line(line) for line in lines],
        "customer_key": _only("customers", keys, first.number) if keys else None,
        "shipping_address": None if place is None else _address(place),
    }


def build_customer(lines: Sequence[Line]) -> dict[str, Any]:
    """The customer that all lines of one key speak of.

    Names are the latest stated, because people move and marry. E-mail addresses, phones and
    addresses are all those seen, each once; of more than the customers service takes, the latest.
    """
    ordered = sorted(lines, key=lambda line: line.placed_at)
    stated = [line.buyer for line in ordered if line.buyer]
    named = [buyer for buyer in stated if buyer.first_name or buyer.last_name]
    name = named[-1] if named else Buyer()
    emails = _distinct((email for buyer in stated for email in buyer.emails), email_key)
    phones = _distinct((phone for buyer in stated for phone in buyer.phones), str)
    places = dict.fromkeys(line.place for line in ordered if line.place)
    return {
        "external_id": _latest(buyer.external_id for buyer in stated),
        "first_name": name.first_name or None,
        "last_name": name.last_name or None,
        "company": _latest(buyer.company for buyer in stated),
        "emails": [{"address": email, "label": None} for email in emails],
        "phones": [{"number": phone, "label": None} for phone in phones],
        "addresses": [
            {"label": None, **_address(place)} for place in list(places)[-MAX_ADDRESSES:]
        ],
    }


def _only(what: str, values: Iterable[str], number: str) -> str:
    found = list(dict.fromkeys(values))
    if len(found) > 1:
        raise Unfit(f'The rows of "{number}" have several {what}: {_listed(found)}.')
    return found[0]


def _listed(found: list[str]) -> str:
    shown = ", ".join(found[:3])
    return f"{shown} and {len(found) - 3} more" if len(found) > 3 else shown


def _order_line(line: Line) -> dict[str, Any]:
    return {
        "sku": line.sku or line.description[: MAX_LENGTHS["sku"]].strip() or NO_SKU,
        "description": line.description or None,
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
    }


def _address(place: Place) -> dict[str, str | None]:
    names = ("line1", "line2", "city", "region", "postcode", "country")
    return {name: getattr(place, name) or None for name in names}


def _distinct(values: Iterable[str], key: Callable[[str], str]) -> list[str]:
    latest_last: dict[str, str] = {}
    for value in values:
        latest_last.setdefault(key(value), value)
    return list(latest_last.values())[-MAX_CONTACTS:]


def _latest(values: Iterable[str]) -> str | None:
    stated = [value for value in values if value]
    return stated[-1] if stated else None


def _rfc3339(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
