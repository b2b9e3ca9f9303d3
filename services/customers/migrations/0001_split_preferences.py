"""Takes the channels and interests of customers out of their preferences, where they were before.

Knows raw documents only, and no code that may change: what a document of this time became must
not depend on what Kith is today.

| a preference of before | becomes |
|---|---|
| `contact_by_email`, `newsletter` or `email`: true or false | `channels.email` |
| `contact_by_phone` or `phone`: true or false | `channels.phone` |
| `contact_by_sms` or `sms`: true or false | `channels.sms` |
| `contact_by_post` or `post`: true or false | `channels.post` |
| `interest_…` or `likes_…`: true | one of `interests`, with spaces for underscores |
| anything else, and these with other values | stays |

Where two preferences of one channel disagree, a no counts: nobody is written to who refused once.
"""

from typing import Any

COLLECTION = "customers"
SCHEMA_VERSION = 2

_CHANNELS = {
    "contact_by_email": "email",
    "newsletter": "email",
    "email": "email",
    "contact_by_phone": "phone",
    "phone": "phone",
    "contact_by_sms": "sms",
    "sms": "sms",
    "contact_by_post": "post",
    "post": "post",
}
_INTERESTS = ("interest_", "likes_")
_LONGEST_INTEREST = 50


def migrate(document: dict[str, Any]) -> dict[str, Any]:
    """A document of version 1 as one of version 2. What stays of a deleted customer is only marked.

    It may lack fields, as one that was read for a caller does.
    """
    new = document | {"schema_version": SCHEMA_VERSION}
    if "preferences" not in document:
        return new
    channels: dict[str, bool] = {}
    interests = set()
    preferences = {}
    for key, value in document["preferences"].items():
        interest = _interest(key)
        if key in _CHANNELS and isinstance(value, bool):
            channel = _CHANNELS[key]
            channels[channel] = channels.get(channel, True) and value
        elif interest and value is True:
            interests.add(interest)
        else:
            preferences[key] = value
    return new | {
        "preferences": preferences,
        "channels": dict(sorted(channels.items())),
        "interests": sorted(interests),
    }


def _interest(key: str) -> str | None:
    """What a preference says that the customer likes, or None if it says no such thing."""
    for prefix in _INTERESTS:
        if key.startswith(prefix):
            words = " ".join(key.removeprefix(prefix).replace("_", " ").split())
            return words if len(words) <= _LONGEST_INTEREST else None
    return None
