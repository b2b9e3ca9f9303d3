"""E-mail addresses: well-formed ones, the keys they are compared by, and rules for a database.

A unique index compares keys, which the model makes of addresses: one Unicode form, no case. The
server knows no such form. It can tell that a key stands for its address where that is of ASCII
alone, as nearly all are, and that no key has capitals.
"""

import unicodedata
from typing import Any

from email_validator import EmailNotValidError, validate_email

from shared.document import Document

# Without \z, a line feed at the end would pass.
ADDRESS_SCHEMA: Document = {
    "bsonType": "string",
    "minLength": 3,
    "maxLength": 254,
    "pattern": r"^[^\s@]+@[^\s@]+\z",
}
# One character may unfold to as many as 18 when it is made comparable.
MAX_KEY_LENGTH = 18 * 254
# Some characters have a blank or an @ in their one form, so a key looks less like an address.
KEY_SCHEMA: Document = {"bsonType": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH}

_ASCII = r"^[\x00-\x7F]*\z"


def is_key_of(key: Any, address: Any) -> Document:
    """An expression that is true if `key` stands for `address`, each an expression itself."""
    plain = {"$regexMatch": {"input": address, "regex": _ASCII}}
    capitals = {"$regexMatch": {"input": key, "regex": "[A-Z]"}}
    return {
        "$cond": [
            # Of anything else the server would say that it failed, and not that it refuses.
            {"$and": [{"$eq": [{"$type": one}, "string"]} for one in (key, address)]},
            {"$cond": [plain, {"$eq": [key, {"$toLower": address}]}, {"$not": [capitals]}]},
            False,
        ]
    }


def email_key(address: str) -> str:
    """An address as it is compared.

    One Unicode form, no case. One person's mail, however it is typed.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", address.strip()).casefold())


def email_address(text: str) -> str:
    """A well-formed address, normalised by email-validator; whether mail arrives is not asked.

    :raises ValueError: it is none; the message says why.
    """
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
