"""Reads names, e-mail addresses and phones as people typed them. Leaves out what it cannot read.

A messy phone number is no reason to lose a sale, so nothing here refuses a row: each reader gives
what it could read, and sentences on what it left out.
"""

import re
import unicodedata
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from services.imports.reading.texts import is_nothing, quoted

Found = tuple[tuple[str, ...], tuple[str, ...]]
"""Values that were read, and notes on those that were not."""

_MAX_LENGTH = 500
_MANY_EMAILS = re.compile(r"[;,\s]+")
_MANY_PHONES = re.compile(r"\s*(?:[/;,|]|\bor\b|\bund\b|\boder\b|\bou\b)\s*", re.IGNORECASE)
_FLOAT = re.compile(r"([0-9]+)\.0")
_MAX = 20


def split_name(name: str) -> tuple[str, str]:
    """First and last name: the last name is the last word, or what stands before a comma."""
    last, comma, first = name.partition(",")
    if comma and first.strip():
        return first.strip(), last.strip()
    first, _, last = name.strip(" ,").rpartition(" ")
    return first.strip(), last


@lru_cache(maxsize=65_536)
def read_emails(cell: str) -> Found:
    """The well-formed addresses in a cell; whether mail arrives there is not asked."""
    text = cell.strip()
    if is_nothing(text):
        return (), ()
    whole = _email(text)
    if whole:
        return (whole,), ()
    return _found("e-mail", text, {part: _email(part) for part in _parts(_MANY_EMAILS, text)})


@lru_cache(maxsize=65_536)
def read_phones(cell: str, regions: tuple[str, ...]) -> Found:
    """The numbers in a cell in E.164 form.

    `regions` are tried in order for a number without a country code.
    """
    text = unicodedata.normalize("NFKC", cell).strip()
    if is_nothing(text):
        return (), ()
    whole = _phone(text, regions)
    if whole:
        return (whole,), ()
    return _found(
        "phone", text, {part: _phone(part, regions) for part in _parts(_MANY_PHONES, text)}
    )


def _parts(separator: re.Pattern[str], text: str) -> list[str]:
    return [part for part in separator.split(text[:_MAX_LENGTH]) if part][:_MAX] or [text]


def _found(name: str, text: str, parts: dict[str, str | None]) -> Found:
    found = tuple(dict.fromkeys(value for value in parts.values() if value))
    left = [part for part, value in parts.items() if not value] if found else [text]
    notes = (f"The {name} {quoted(part)} cannot be read and was left out." for part in left)
    return found, tuple(notes)


def _email(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False, allow_display_name=True).normalized
    except EmailNotValidError:
        return None


def _phone(text: str, regions: tuple[str, ...]) -> str | None:
    artefact = _FLOAT.fullmatch(text)
    text = artefact[1] if artefact else text
    if text.startswith("00"):
        # The international prefix of most of the world, wherever the shop is.
        text, regions = "+" + text[2:], ()
    # A number that no region's plan has may still be one: plans change, and lists of them are late.
    possible: phonenumbers.PhoneNumber | None = None
    for region in (*regions, None):
        number = _parsed(text, region)
        if number is not None and phonenumbers.is_valid_number(number):
            return _e164(number)
        possible = possible or number
    return None if possible is None else _e164(possible)


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # Not is_possible_number, which takes a number without its area code: nobody could call that.
    length = phonenumbers.is_possible_number_with_reason(number)
    return number if length == phonenumbers.ValidationResult.IS_POSSIBLE else None
