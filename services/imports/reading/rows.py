"""Turns rows into order lines by the rules of the import. Knows no file and no whole order."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from operator import itemgetter

from services.imports.model.lines import Kind, Line, Rejection, Unfit, multiply
from services.imports.reading import amounts, buyers, texts, times
from services.imports.reading.columns import RETURNS, Cells, Columns
from services.imports.reading.mapping import Mapping, Returns
from services.imports.reading.mapping_schema import BUYER, PLACE, STATUSES
from shared.values.iso import money_currencies

Row = tuple[int, list[str], Line | Rejection]
"""A row's number, its fields as in the file, and what they come to."""

# What belongs to the order and not to the line, in groups that are stated together.
_ORDER_GROUPS = (("placed_at",), ("currency",), ("status",), BUYER, PLACE)
_BUYER_OF = itemgetter(*BUYER)
_PLACE_OF = itemgetter(*PLACE)
# Decimal128, in which amounts are stored, holds this many digits.
_MAX_DIGITS = 34


def parse_rows(
    rows: Iterable[tuple[int, list[str]]],
    columns: Columns,
    mapping: Mapping,
    *,
    now: datetime,
    after: int = 0,
) -> Iterator[Row]:
    """Parse the rows behind row `after`: row number, fields as in the file, what they come to.

    Some shops state what belongs to the whole order in its first row only. So where a row bears
    the number of the row before it, what it leaves blank of the order (its time, currency and
    status, the buyer, the address) is that of the row before. For this, `rows` must begin with
    the first row of an order, whatever `after` is.
    """
    groups = [columns.sharing(names) for names in _ORDER_GROUPS]
    before: Cells = {}
    for row, fields in rows:
        before = _filled(columns.bind(fields), before, groups)
        if row > after:
            yield row, fields, _parsed(fields, before, columns, mapping, now=now)


def parse_row(cells: Cells, mapping: Mapping, *, now: datetime) -> Line | Rejection:
    """Make a line of one row by itself, or say why it is none. `now` bounds the order's time."""
    try:
        return _line(cells, mapping, now=now)
    except Unfit as unfit:
        return _rejection(str(unfit), cells, mapping)


def _parsed(
    fields: list[str], cells: Cells, columns: Columns, mapping: Mapping, *, now: datetime
) -> Line | Rejection:
    width = len(columns.header)
    # Blank fields at the end are what a spreadsheet leaves behind, and no reason to lose a row.
    if len(fields) != width and (not cells or "".join(fields[width:]).strip()):
        reason = f"The row has {len(fields)} fields where the header has {width}."
        return Rejection(reason=reason)
    return parse_row(cells, mapping, now=now)


def _line(cells: Cells, mapping: Mapping, *, now: datetime) -> Line:
    form = mapping.format
    currency = _currency(cells["currency"], mapping)
    quantity = amounts.read_quantity(
        cells["quantity"], decimal=form.decimal, thousands=form.thousands
    )
    unit_price = amounts.read_price(
        cells["unit_price"], currency=currency, decimal=form.decimal, thousands=form.thousands
    )
    kind, number = _identity(cells, mapping, quantity=quantity)
    _check_amounts(kind, quantity=quantity, unit_price=unit_price)
    place, place_notes = buyers.read_place(_PLACE_OF(cells))
    regions = (place.country if place else "", mapping.phone_region or "")
    buyer, buyer_notes = buyers.read_buyer(
        _BUYER_OF(cells), tuple([region for region in regions if region])
    )
    return Line(
        number=number,
        kind=kind,
        status=_status(cells["status"], mapping),
        placed_at=_placed_at(cells["placed_at"], mapping, now=now),
        currency=currency,
        sku=texts.clean(cells["sku"], "sku"),
        description=texts.clean(cells["description"], "description"),
        quantity=quantity,
        unit_price=unit_price,
        buyer=buyer,
        place=place,
        notes=place_notes + buyer_notes,
    )


def _identity(cells: Cells, mapping: Mapping, *, quantity: int) -> tuple[Kind, str]:
    number = texts.clean(cells["number"], "number")
    if not number:
        raise Unfit("The number is missing.")
    returns = mapping.returns
    if returns is None or not _is_return(number, cells[RETURNS], returns, quantity=quantity):
        return "sale", number
    return "return", texts.clean(number + returns.suffix, "number") if returns.suffix else number


def _is_return(number: str, word: str, returns: Returns, *, quantity: int) -> bool:
    if returns.by_sign:
        return quantity < 0
    if returns.column is not None:
        return word.strip().casefold() in returns.values
    return number.startswith(returns.number_prefix or "")


def _check_amounts(kind: Kind, *, quantity: int, unit_price: Decimal) -> None:
    if kind == "sale" and quantity <= 0:
        raise Unfit(f"The quantity of a sale must be above 0; it is {quantity}.")
    if kind == "return" and quantity >= 0:
        raise Unfit(f"The quantity of a return must be below 0; it is {quantity}.")
    if unit_price < 0:
        raise Unfit(f"The unit price is negative: {unit_price}.")


def _currency(cell: str, mapping: Mapping) -> str:
    if not texts.is_nothing(cell):
        code = cell.strip().upper()
        if code not in money_currencies():
            raise Unfit(f"The currency {texts.quoted(cell)} is no ISO 4217 code, such as EUR.")
        return code
    if mapping.currency is None:
        raise Unfit("The currency is missing.")
    return mapping.currency


def _status(cell: str, mapping: Mapping) -> str:
    word = cell.strip().casefold()
    if not word:
        return mapping.status
    status = mapping.statuses.get(word) or {"canceled": "cancelled"}.get(word, word)
    if status not in STATUSES:
        raise Unfit(
            f'The status {texts.quoted(cell)} is not known; say under "statuses" in the '
            f"mapping which of {', '.join(STATUSES)} it is."
        )
    return status


def _placed_at(cell: str, mapping: Mapping, *, now: datetime) -> datetime:
    form = mapping.format
    at = times.read(cell, formats=form.datetime, timezone=form.timezone)
    if at > now:
        raise Unfit(f"The time {texts.quoted(cell)} is in the future.")
    return at


def _rejection(reason: str, cells: Cells, mapping: Mapping) -> Rejection:
    try:
        amount = _amount(cells, mapping)
    except Unfit:
        return Rejection(reason=reason)
    try:
        currency = _currency(cells["currency"], mapping)
    except Unfit:
        return Rejection(reason=reason, amount=amount)
    return Rejection(reason=reason, amount=amount, currency=currency)


def _amount(cells: Cells, mapping: Mapping) -> Decimal | None:
    form = mapping.format
    quantity, unit_price = (
        amounts.read(
            cells[field], texts.label(field), decimal=form.decimal, thousands=form.thousands
        ).value
        for field in ("quantity", "unit_price")
    )
    amount = multiply(quantity, unit_price)
    return amount if len(amount.as_tuple().digits) <= _MAX_DIGITS else None


def _filled(cells: Cells, before: Cells, groups: list[tuple[str, ...]]) -> Cells:
    if not cells or not before or cells["number"] != before["number"]:
        return cells
    for group in groups:
        if _is_blank(cells, group) and not _is_blank(before, group):
            cells = cells | {name: before[name] for name in group}
    return cells


def _is_blank(cells: Cells, names: tuple[str, ...]) -> bool:
    return not "".join([cells[name] for name in names]).strip()
