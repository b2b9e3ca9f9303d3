"""The journal: what happened with a customer, one entry after the other. Pure.

An entry is never changed and never deleted; what was wrong is put right by another that names it.
The id of an entry that comes from an event follows from the event, so that an event that comes
twice is written once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from shared.document import Document
from shared.errors import Invalid, NotFound, invalid

STAFF_KINDS = ("note", "call", "email", "meeting")
"""Kinds of entries that staff log themselves."""
VIEW_KINDS = {"page": "page_viewed", "product": "product_viewed"}
KINDS = (
    "customer_created",
    "customer_changed",
    "customer_deleted",
    "consent_given",
    "consent_withdrawn",
    "order_placed",
    "order_paid",
    "order_shipped",
    "order_delivered",
    "order_cancelled",
    "order_returned",
    *STAFF_KINDS,
    *VIEW_KINDS.values(),
    "imported",
)

API, IMPORT, WEBSITE = "api", "import", "website"
"""Sources of an entry, beside the names of services that acted for somebody."""

MAX_SUMMARY_LENGTH = 2_000
MAX_VALUE_BYTES = 2_000
"""Bytes of JSON that are kept of one value, before and after a change."""
MAX_DATA_BYTES = 64 * 1024
"""Bytes of `data`, in the form in which the database keeps it."""


class NoSuchEntry(NotFound):
    """This customer's journal has no entry with this id."""


class HappenedInFuture(Invalid):
    """Something is said to have happened later than now."""


class NotCorrectable(Invalid):
    """A correction names an entry that staff did not log in this customer's journal."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that happened with a customer.

    `at` is when it did; `actor` the `id` and `role` of the member of staff who did it, or None;
    `source` the way by which it came; `corrects` the id of the entry that this one puts right.
    """

    id: str
    customer_id: str
    at: datetime
    kind: str
    actor: dict[str, str] | None = None
    source: str = API
    summary: str
    data: Document = field(default_factory=dict)
    corrects: str | None = None


def logged(
    *, id: str, customer_id: str, now: datetime, at: datetime | None = None, **details: Any
) -> Entry:
    """An entry that a member of staff logs at `now`.

    :raises HappenedInFuture: it is said to have happened later than that.
    """
    refuse_future(at, now=now)
    return Entry(id=id, customer_id=customer_id, at=at or now, **details)


def refuse_future(at: datetime | None, *, now: datetime) -> None:
    """Check that something happened by now.

    :raises HappenedInFuture: it did not.
    """
    if at is not None and at > now:
        refusal = invalid("at", "It is in the future.")
        raise HappenedInFuture("What happened cannot be in the future.", errors=refusal.errors)


def refuse_correction(of: Document | None) -> None:
    """Check that a correction is `of` an entry that staff logged.

    :raises NotCorrectable: it is of another, or of none.
    """
    if of is None or of["kind"] not in STAFF_KINDS:
        refusal = invalid("corrects", "It has to be an entry that staff logged for this customer.")
        raise NotCorrectable("There is nothing to correct.", errors=refusal.errors)


def differences(before: Document, after: Document) -> list[Document]:
    """The fields whose values differ: each as `field`, `before` and `after`.

    Values that are long are kept in part; such a change says that it is `shortened`.
    """
    found = []
    for name in after:
        old, new = before.get(name), after[name]
        if old != new:
            kept_old, kept_new = _shortened(old), _shortened(new)
            mark = {} if (kept_old, kept_new) == (old, new) else {"shortened": True}
            found.append({"field": name, "before": kept_old, "after": kept_new} | mark)
    return found


def consents(before: dict[str, bool], after: dict[str, bool]) -> list[Document]:
    """The channels to which a customer's answer has changed, with what it was before and after."""
    asked = sorted(before.keys() | after.keys())
    changed = [
        {"channel": name, "before": before.get(name), "after": after.get(name)} for name in asked
    ]
    # A no that is taken back is nobody's consent.
    return [
        one
        for one in changed
        if one["before"] != one["after"] and (one["before"] or one["after"] is not None)
    ]


def digest(*parts: Any) -> str:
    """A short name for these parts together, good for an id: equal parts have an equal one."""
    return blake2b(orjson.dumps(parts, default=str), digest_size=16).hexdigest()


def _shortened(value: Any) -> Any:
    """As much of a value as is worth keeping."""
    if isinstance(value, list):
        return value[: _fitting(value)]
    if isinstance(value, dict):
        names = sorted(value)
        pairs = [[name, value[name]] for name in names]
        return {name: value[name] for name in names[: _fitting(pairs)]}
    return value


def _fitting(values: Sequence[Any]) -> int:
    """The number of values, from the first, that are within the limit together."""
    total = 0
    for number, value in enumerate(values):
        total += len(orjson.dumps(value))
        if total > MAX_VALUE_BYTES:
            return number
    return len(values)
