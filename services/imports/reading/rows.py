"""Rows to lines: the rules of the import, row by row. It knows no file and no whole order."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from services.imports.model.lines import Kind, Line, Rejection, Unfit, multiply
from services.imports.reading import amounts, buyers, texts, times
from services.imports.reading.columns import Columns
from services.imports.reading.mapping import BUYER, PLACE, STATUSES, Mapping
from shared.values.iso import money_currencies

# What belongs to the order and not to the line, in groups that are stated together.
_ORDER_GROUPS = (("placed_at",), ("currency",), ("status",), BUYER, PLACE)
# Decimal128, in which amounts are stored, holds this many digits.
_MAX_DIGITS = 34


def parse_rows(
    rows: Iterable[tuple[int, list[str]]],
    columns: Columns,
    mapping: Mapping,
    *,
    now: datetime,
    after: int = 0,
) -> Iterator[tuple[int, list[str], Line | Rejection]]:
    """Parse the rows behind row `after`: row number, fields as in the file, what they come to.

    Some shops state what belongs to the whole order in its first row only. So where a row bears
    the number of the row before it, what it leaves blank of the order (its time, currency and
    status, the buyer, the address) is that of the row before. For this, `rows` must begin at the
    beginning of the file, whatever `after` is.
    """
    groups = [_positions(columns, names) for names in _ORDER_GROUPS]
    before: list[str] = []
    for row, fields in rows:
        before = _filled(fields, before, columns, groups)
        if row > after:
            yield row, fields, parse_row(before, columns, mapping, now=now)


def parse_row(
    fields: Sequence[str], columns: Columns, mapping: Mapping, *, now: datetime
) -> Line | Rejection:
    """Make a line of one row by itself, or say why it is none. `now` bounds the order's time."""
    try:
        return _line(fields, columns, mapping, now=now)
    except Unfit as unfit:
        return _rejection(str(unfit), fields, columns, mapping)


def _line(fields: Sequence[str], columns: Columns, mapping: Mapping, *, now: datetime) -> Line:
    _check_width(fields, columns)
    form = mapping.format
    currency = _currency(columns.cell(fields, "currency"), mapping)
    quantity = amounts.read_quantity(
        columns.cell(fields, "quantity"), decimal=form.decimal, thousands=form.thousands
    )
    unit_price = amounts.read_price(
        columns.cell(fields, "unit_price"),
        currency=currency,
        decimal=form.decimal,
        thousands=form.thousands,
    )
    kind, number = _identity(fields, columns, mapping, quantity=quantity)
    _check_amounts(kind, quantity=quantity, unit_price=unit_price)
    place, place_notes = buyers.read_place(columns.cells(fields, PLACE))
    regions = (place.country if place else "", mapping.phone_region or "")
    buyer, buyer_notes = buyers.read_buyer(
        columns.cells(fields, BUYER), tuple(region for region in regions if region)
    )
    return Line(
        number=number,
        kind=kind,
        status=_status(columns.cell(fields, "status"), mapping),
        placed_at=_placed_at(columns.cell(fields, "placed_at"), mapping, now=now),
        currency=currency,
        sku=texts.clean(columns.cell(fields, "sku"), "sku"),
        description=texts.clean(columns.cell(fields, "description"), "description"),
        quantity=quantity,
        unit_price=unit_price,
        buyer=buyer,
        place=place,
        notes=place_notes + buyer_notes,
    )


def _check_width(fields: Sequence[str], columns: Columns) -> None:
    width = len(columns.header)
    # Blank fields at the end are what a spreadsheet leaves behind, and no reason to lose a row.
    if len(fields) < width or "".join(fields[width:]).strip():
        raise Unfit(f"The row has {len(fields)} fields where the header has {width}.")


def _identity(
    fields: Sequence[str], columns: Columns, mapping: Mapping, *, quantity: int
) -> tuple[Kind, str]:
    number = texts.clean(columns.cell(fields, "number"), "number")
    if not number:
        raise Unfit("The number is missing.")
    if not _is_return(number, fields, columns, mapping, quantity=quantity):
        return "sale", number
    suffix = mapping.returns.suffix if mapping.returns else ""
    return "return", texts.clean(number + suffix, "number")


def _is_return(
    number: str, fields: Sequence[str], columns: Columns, mapping: Mapping, *, quantity: int
) -> bool:
    returns = mapping.returns
    if returns is None:
        return False
    if returns.by_sign:
        return quantity < 0
    if columns.returns is not None:
        return fields[columns.returns].strip().casefold() in returns.values
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


def _rejection(reason: str, fields: Sequence[str], columns: Columns, mapping: Mapping) -> Rejection:
    try:
        _check_width(fields, columns)
        amount = _amount(fields, columns, mapping)
    except Unfit:
        return Rejection(reason=reason)
    try:
        currency = _currency(columns.cell(fields, "currency"), mapping)
    except Unfit:
        return Rejection(reason=reason, amount=amount)
    return Rejection(reason=reason, amount=amount, currency=currency)


def _amount(fields: Sequence[str], columns: Columns, mapping: Mapping) -> Decimal | None:
    form = mapping.format
    quantity, unit_price = (
        amounts.read(
            columns.cell(fields, field),
            texts.label(field),
            decimal=form.decimal,
            thousands=form.thousands,
        ).value
        for field in ("quantity", "unit_price")
    )
    amount = multiply(quantity, unit_price)
    return amount if len(amount.as_tuple().digits) <= _MAX_DIGITS else None


def _positions(columns: Columns, names: Iterable[str]) -> list[int]:
    return [columns.positions[name] for name in names if name in columns.positions]


def _filled(
    fields: list[str], before: list[str], columns: Columns, groups: list[list[int]]
) -> list[str]:
    number, width = columns.positions["number"], len(columns.header)
    if min(len(fields), len(before)) < width or fields[number] != before[number]:
        return fields
    filled = fields
    for group in groups:
        if _is_blank(fields, group) and not _is_blank(before, group):
            filled = [
                before[place] if place in group else field for place, field in enumerate(filled)
            ]
    return filled


def _is_blank(fields: list[str], places: list[int]) -> bool:
    return not "".join([fields[place] for place in places]).strip()
