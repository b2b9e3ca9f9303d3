"""Reads the buyer and the address of a row. What cannot be used is left out with a note."""

import re
from functools import lru_cache

from services.imports.model.lines import Buyer, Place, Unfit
from services.imports.reading import contacts, countries, texts

_FLOAT = re.compile(r"([0-9]+)\.0")


@lru_cache(maxsize=16_384)
def read_buyer(
    cells: tuple[str, ...], regions: tuple[str, ...]
) -> tuple[Buyer | None, tuple[str, ...]]:
    """The buyer that the cells of the columns `mapping_schema.BUYER` speak of, and notes.

    `regions` are those of phone numbers without a country code, likeliest first.

    :raises Unfit: the customer's id cannot be used: without it the row might go to a wrong one.
    """
    customer, *names, email, phone = cells
    notes: list[str] = []
    first, last, name, company = _kept(("first_name", "last_name", "name", "company"), names, notes)
    if not last and name:
        first, last = contacts.split_name(name)
    emails, unread_emails = contacts.read_emails(email)
    phones, unread_phones = contacts.read_phones(phone, regions)
    buyer = Buyer(
        external_id=external_id(customer),
        first_name=first,
        last_name=last,
        company=company,
        emails=emails,
        phones=phones,
    )
    return None if buyer == Buyer() else buyer, (*notes, *unread_emails, *unread_phones)


@lru_cache(maxsize=16_384)
def read_place(cells: tuple[str, ...]) -> tuple[Place | None, tuple[str, ...]]:
    """The address that the cells of the columns `mapping_schema.PLACE` speak of, and notes."""
    *lines, region, postcode, country = cells
    code = countries.code_of(country) or ""
    if not code and not texts.is_nothing(country):
        region = ", ".join(text for text in (region.strip(), country.strip()) if text)
    notes: list[str] = []
    line1, line2, city, region, postcode = _kept(
        ("line1", "line2", "city", "region", "postcode"), [*lines, region, postcode], notes
    )
    place = Place(
        line1=line1, line2=line2, city=city, region=region, postcode=postcode, country=code
    )
    return None if place == Place() else place, tuple(notes)


def external_id(cell: str) -> str:
    """A customer's id in the shop. "17850.0" is 17850: spreadsheets write whole numbers so.

    :raises Unfit: it is too long, or holds control characters.
    """
    if texts.is_nothing(cell):
        return ""
    artefact = _FLOAT.fullmatch(cell.strip())
    return texts.clean(artefact[1] if artefact else cell, "customer")


def _kept(fields: tuple[str, ...], cells: list[str], notes: list[str]) -> list[str]:
    return [_text(cell, field, notes) for field, cell in zip(fields, cells, strict=True)]


def _text(cell: str, field: str, notes: list[str]) -> str:
    try:
        return texts.clean(cell, field)
    except Unfit as unfit:
        notes.append(f"{str(unfit).removesuffix('.')} and was left out.")
        return ""
