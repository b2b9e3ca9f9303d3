"""Names as they are compared and searched: without case and accents. Pure."""

import unicodedata

# Letters that Unicode takes for ones of their own and not for a letter with an accent, and what
# people type who do not have them on their keyboard. ß is ss by its case already, and the ı of
# Turkish is the i that a capital I becomes.
_PLAIN_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ħ": "h",
        "ŧ": "t",
        "ı": "i",
        "ŋ": "n",
        "ĸ": "k",
        # The character that makes an Arabic word longer on the line and not in speech.
        "ـ": None,
    }
)


def name_key(name: str) -> str:
    """A name as it is searched: no case, no accents, single spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    return " ".join(letters.translate(_PLAIN_LETTERS).split())
