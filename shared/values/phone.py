"""Phone numbers in E.164 form."""

from phonenumbers import (
    NumberParseException,
    PhoneNumberFormat,
    format_number,
    is_possible_number,
    parse,
)

MAX_DIGITS = 15
"""Digits of a phone number, by E.164."""


def phone_number(text: str, *, region: str | None = None) -> str:
    """A phone number in E.164 form. `region` is the country of a number without a country code.

    :raises ValueError: it is none; the message says why.
    """
    try:
        number = parse(text, region)
    except NumberParseException as error:
        raise ValueError(
            "It is not a phone number; give it with its country code, such as +44 20 7946 0958."
        ) from error
    formatted = format_number(number, PhoneNumberFormat.E164)
    # Some countries have numbers that are longer than E.164 allows.
    if not is_possible_number(number) or len(formatted) > len("+") + MAX_DIGITS:
        raise ValueError("A phone number of this country has another length.")
    return formatted
