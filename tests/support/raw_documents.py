"""Documents as they lie in the databases, and for each rule one that breaks it.

Written out by hand and not made by our own code, which could be wrong in the same way.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import Decimal128, ObjectId

from shared.document import Document

INVALID, DUPLICATE = 121, 11000
"""What the server says when a validator refuses, and when a unique index does."""

MISSING = object()
"""In place of a value: the field is not there."""

AT = datetime(2025, 6, 1, 12, tzinfo=UTC)
LATER = datetime(2025, 6, 1, 13, tzinfo=UTC)
A_ID, B_ID, C_ID = (sign * 24 for sign in "abc")
HASH = "0" * 64


def money(text: str) -> Decimal128:
    """An exact amount."""
    return Decimal128(text)


EVENT = {
    "id": A_ID,
    "to": "orders",
    "name": "CustomerChanged",
    "schema": 1,
    "data": {},
    "sent": 0,
    "due_at": AT,
}
REQUEST = {"key": "ann:once", "fingerprint": HASH, "first": {}}

CUSTOMER: Document = {
    "_id": A_ID,
    "external_id": "17850",
    "first_name": "Ann",
    "last_name": "Lee",
    "company": None,
    "emails": [
        {"address": "Ann.Lee@example.com", "label": None},
        {"address": "lee@example.org", "label": "work"},
    ],
    "phones": [{"number": "+442079460958", "label": None}],
    "addresses": [
        {
            "label": "home",
            "line1": "1 High Street",
            "line2": None,
            "city": "York",
            "region": None,
            "postcode": "YO1 7HH",
            "country": "GB",
        }
    ],
    "tags": ["vip"],
    "preferences": {"language": "en"},
    "channels": {"email": True},
    "interests": ["garden"],
    "keys": {
        "last_name": "lee",
        "names": ["ann", "lee"],
        "emails": ["ann.lee@example.com", "lee@example.org"],
    },
    "purchases": {
        "orders": 1,
        "returns": 0,
        "totals": [{"amount": money("5.10"), "currency": "GBP"}],
        "first_order_at": AT,
        "last_order_at": AT,
    },
    "revision": 1,
    "created_at": AT,
    "updated_at": AT,
    "version": 1,
    "schema_version": 2,
    "request": REQUEST,
    "outbox": [EVENT],
}
BEFORE = {
    name: value
    for name, value in CUSTOMER.items()
    if name not in {"channels", "interests", "schema_version"}
}
# Nobody but a name: the least that is a customer.
NAMED = CUSTOMER | {
    "_id": B_ID,
    "external_id": None,
    "first_name": None,
    "emails": [],
    "phones": [],
    "keys": {"last_name": "lee", "names": ["lee"], "emails": []},
    "request": REQUEST | {"key": "ann:other"},
}
# Of the address of CUSTOMER in another way of writing, both as it is compared and as it is kept.
FOREIGN = NAMED | {
    "emails": [{"address": "Jürgen@Example.com", "label": None}],
    "keys": {"last_name": "lee", "names": ["lee"], "emails": ["jürgen@example.com"]},
}
GONE: Document = {
    "_id": A_ID,
    "deleted_at": AT,
    "version": 2,
    "schema_version": 2,
    "request": REQUEST | {"first": {}},
    "outbox": [],
}

ORDER: Document = {
    "_id": A_ID,
    "number": "536365",
    "source": "shop",
    "kind": "sale",
    "status": "placed",
    "customer_id": B_ID,
    "placed_at": AT,
    "recorded_at": AT,
    "updated_at": AT,
    "currency": "GBP",
    "lines": [
        {
            "sku": "85123A",
            "description": None,
            "quantity": 2,
            "unit_price": money("2.55"),
            "subtotal": money("5.10"),
        },
        {
            "sku": "71053",
            "description": "Lantern",
            "quantity": 1,
            "unit_price": money("0.000001"),
            "subtotal": money("0.000001"),
        },
    ],
    "total": money("5.100001"),
    "shipping_address": None,
    "version": 1,
    "schema_version": 1,
    "fingerprint": HASH,
    "request": REQUEST,
    "outbox": [EVENT],
}
OTHER_ORDER = ORDER | {
    "_id": B_ID,
    "number": "536366",
    "request": REQUEST | {"key": "ann:other"},
}
RETURN = ORDER | {
    "kind": "return",
    "lines": [
        ORDER["lines"][0] | {"quantity": -2, "subtotal": money("-5.1")},
    ],
    "total": money("-5.10"),
}
CARD: Document = {"_id": A_ID, "name": "Ann Lee", "deleted": False, "version": 1}

LEDGER: Document = {
    "_id": A_ID,
    "customer_id": B_ID,
    "kind": "sale",
    "status": "placed",
    "total": money("5.10"),
    "currency": "GBP",
    "placed_at": AT,
    "version": 1,
}
STAFF: Document = {"_id": A_ID, "name": "Sam", "role": "sales", "active": True, "version": 1}
ENTRY: Document = {
    "_id": A_ID,
    "customer_id": B_ID,
    "at": AT,
    "recorded_at": AT,
    "kind": "note",
    "actor": {"id": C_ID, "role": "sales"},
    "source": "api",
    "summary": "Likes tea.",
    "data": {},
    "corrects": None,
    "request": REQUEST,
}

USER: Document = {
    "_id": A_ID,
    "email": "Sam@example.com",
    "email_key": "sam@example.com",
    "name": "Sam",
    "role": "sales",
    "active": True,
    "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
    "failures": 0,
    "tokens_void_before": AT,
    "sessions_void_before": AT,
    "created_at": AT,
    "updated_at": AT,
    "version": 1,
    "schema_version": 1,
    "request": REQUEST,
    "outbox": [],
}
OTHER_USER = USER | {
    "_id": B_ID,
    "email": "Pat@example.com",
    "email_key": "pat@example.com",
    "request": REQUEST | {"key": "ann:other"},
}
SESSION: Document = {
    "_id": A_ID,
    "user_id": B_ID,
    "via": None,
    "tokens": [{"hash": HASH, "replaced_at": None}],
    "created_at": AT,
    "expires_at": LATER,
}
ATTEMPTS: Document = {
    "_id": f"{HASH}.{HASH}",
    "revision": 1,
    "failures": 1,
    "began_at": None,
    "in_burst": 0,
    "next_try_at": None,
    "signed_in_at": AT,
    "expires_at": LATER,
}
KEY: Document = {
    "_id": "key-1",
    "state": "signing",
    "private_key": "…",
    "public_key": {"kty": "OKP"},
    "created_at": AT,
}
RETIRED = KEY | {"_id": "key-0", "state": "retired"}

JOB: Document = {
    "_id": A_ID,
    "state": "staging",
    "step": 1,
    "preset": None,
    "mapping": {},
    "file": {"name": "a.csv", "bytes": 1, "sha256": HASH},
    "progress": dict.fromkeys(
        ("rows", "rows_of", "rejected", "customers", "customers_of", "orders", "orders_of"), 0
    ),
    "position": None,
    "reconciliation": None,
    "failure": None,
    "asked_by": B_ID,
    "delegation": None,
    "lease_until": AT,
    "created_at": AT,
    "updated_at": AT,
    "version": 1,
    "schema_version": 1,
    "revision": 0,
    "request": REQUEST,
    "outbox": [],
}
OTHER_JOB = JOB | {"_id": B_ID, "request": REQUEST | {"key": "ann:other"}}
ROW: Document = {
    "_id": "1",
    "job": A_ID,
    "row": 1,
    "rejected": False,
    "raw": ["a"],
    "amount": money("2.5"),
    "currency": "GBP",
}
OUTCOME: Document = {
    "_id": "1",
    "job": A_ID,
    "kind": "sale",
    "guest": False,
    "key": "536365",
    "status": "created",
    "id": B_ID,
    "reason": None,
}
FILE: Document = {
    "_id": A_ID,
    "filename": "a.csv",
    "length": 1,
    "chunkSize": 261_120,
    "uploadDate": AT,
}
CHUNK: Document = {"_id": ObjectId(A_ID), "files_id": A_ID, "n": 0, "data": b"a"}
HANDLED: Document = {"_id": A_ID, "attempts": 1, "seen_at": AT, "done_at": AT}
LETTER: Document = {"_id": A_ID, "delivery": {"id": A_ID}, "error": "KeyError", "parked_at": AT}
APPLIED: Document = {
    "_id": "0001_split",
    "checksum": HASH,
    "collection": "customers",
    "state": "applied",
    "holder": None,
    "lease_until": AT,
    "position": None,
    "migrated": 2,
    "already_new": 1,
    "failed": 0,
    "count": 3,
    "failures": [],
    "problem": None,
    "runs": 1,
    "started_at": AT,
    "updated_at": AT,
    "finished_at": AT,
}


@dataclass(frozen=True)
class Case:
    """A rule, the good document, and the change by which it breaks the rule.

    `change` has paths and values. Where a unique index is to refuse, `beside` is there already.
    """

    rule: str
    collection: str
    good: Document
    change: dict[str, Any]
    beside: Document | None = None

    @property
    def code(self) -> int:
        """What the server has to say."""
        return INVALID if self.beside is None else DUPLICATE


PRICE, SUBTOTAL, QUANTITY = (f"lines.0.{name}" for name in ("unit_price", "subtotal", "quantity"))
BLANK = "  \t"

CASES = (
    # Customers: who they are.
    Case("an identifier is needed", "customers", NAMED, {"last_name": None}),
    Case("blanks are no name", "customers", NAMED, {"last_name": BLANK}),
    Case("no text is no name", "customers", NAMED, {"last_name": ""}),
    Case("a name is a text", "customers", CUSTOMER, {"first_name": 5}),
    Case("a name has an end", "customers", CUSTOMER, {"first_name": "x" * 101}),
    Case("no text is no company", "customers", CUSTOMER, {"company": ""}),
    Case("no text is no external id", "customers", CUSTOMER, {"external_id": ""}),
    Case("an id has 24 digits", "customers", CUSTOMER, {"_id": "17850"}),
    Case("an id does not end its line", "customers", CUSTOMER, {"_id": A_ID + "\n"}),
    Case("an id is a text", "customers", CUSTOMER, {"_id": 17850}),
    # Customers: addresses, and the keys that keep them unique.
    Case("an address has an @", "customers", CUSTOMER, {"emails.0.address": "lee"}),
    Case("an address has no blank", "customers", CUSTOMER, {"emails.0.address": "a b@c.de"}),
    Case(
        "an address does not end its line", "customers", CUSTOMER, {"emails.0.address": "a@b.c\n"}
    ),
    Case("an address is a text", "customers", CUSTOMER, {"emails.0.address": 5}),
    Case("an address is needed", "customers", CUSTOMER, {"emails.0.address": MISSING}),
    Case("addresses are a list", "customers", CUSTOMER, {"emails": {"address": "a@b.c"}}),
    Case("addresses are not nothing", "customers", CUSTOMER, {"emails": None}),
    Case("each address has its key", "customers", CUSTOMER, {"keys.emails": []}),
    Case("each key has its address", "customers", CUSTOMER, {"emails": []}),
    Case("keys are of that address", "customers", CUSTOMER, {"keys.emails.0": "x@example.com"}),
    Case("keys are in their order", "customers", CUSTOMER, {"emails.0.address": "a@b.c"}),
    Case("keys have no capitals", "customers", CUSTOMER, {"keys.emails.0": "Ann.Lee@example.com"}),
    Case("foreign keys neither", "customers", FOREIGN, {"keys.emails.0": "Jürgen@Example.com"}),
    Case("keys are texts", "customers", CUSTOMER, {"keys.emails.0": 5}),
    Case("a key counts once", "customers", CUSTOMER, {"keys.emails": ["lee@example.org"] * 2}),
    Case("keys are needed", "customers", CUSTOMER, {"keys": MISSING}),
    Case(
        "an address belongs to one",
        "customers",
        NAMED,
        {
            "emails": [{"address": "ANN.LEE@EXAMPLE.COM", "label": None}],
            "keys.emails": ["ann.lee@example.com"],
        },
        beside=CUSTOMER,
    ),
    Case(
        "a second address belongs to one",
        "customers",
        NAMED,
        {
            "emails": [{"address": "Lee@example.org", "label": None}],
            "keys.emails": ["lee@example.org"],
        },
        beside=CUSTOMER,
    ),
    Case("an external id is one's", "customers", NAMED, {"external_id": "17850"}, beside=CUSTOMER),
    Case("a request is made once", "customers", NAMED, {"request": REQUEST}, beside=CUSTOMER),
    Case("an id is given once", "customers", NAMED, {"_id": A_ID}, beside=CUSTOMER),
    # Customers: the rest.
    Case("a phone number is of E.164", "customers", CUSTOMER, {"phones.0.number": "020 7946"}),
    Case("a number does not end its line", "customers", CUSTOMER, {"phones.0.number": "+4420\n"}),
    Case("a country is known", "customers", CUSTOMER, {"addresses.0.country": "UK"}),
    Case("a tag counts once", "customers", CUSTOMER, {"tags": ["vip", "vip"]}),
    Case("a preference is a small value", "customers", CUSTOMER, {"preferences.size": 1.5}),
    Case("a channel is yes or no", "customers", CUSTOMER, {"channels.email": 1}),
    Case("a channel is known", "customers", CUSTOMER, {"channels.fax": True}),
    Case("channels are needed", "customers", CUSTOMER, {"channels": MISSING}),
    Case("an interest says something", "customers", CUSTOMER, {"interests": [BLANK]}),
    Case("sums are exact", "customers", CUSTOMER, {"purchases.totals.0.amount": 5.1}),
    Case("sums are numbers", "customers", CUSTOMER, {"purchases.totals.0.amount": money("NaN")}),
    Case("a sum's currency is known", "customers", CUSTOMER, {"purchases.totals.0.currency": "XX"}),
    Case("orders are counted up", "customers", CUSTOMER, {"purchases.orders": -1}),
    Case("versions begin at 1", "customers", CUSTOMER, {"version": 0}),
    Case("versions are whole", "customers", CUSTOMER, {"version": 1.0}),
    Case("a version is needed", "customers", CUSTOMER, {"version": MISSING}),
    Case("the form is one of two", "customers", CUSTOMER, {"schema_version": 3}),
    Case("the form before is as it was", "customers", BEFORE, {"channels": {}}),
    Case("times are times", "customers", CUSTOMER, {"created_at": "2025-06-01T12:00:00Z"}),
    Case("nothing else is kept", "customers", CUSTOMER, {"birthday": AT}),
    Case("nothing is kept of the deleted", "customers", GONE, {"last_name": "Lee"}),
    Case(
        "no answer is kept of the deleted",
        "customers",
        GONE,
        {"request.first": {"last_name": "Lee"}},
    ),
    Case("events have their form", "customers", CUSTOMER, {"outbox.0.due_at": "soon"}),
    # Orders.
    Case("there is a line", "orders", ORDER, {"lines": [], "total": money("0")}),
    Case("lines are a list", "orders", ORDER, {"lines": ORDER["lines"][0]}),
    Case("lines are not nothing", "orders", ORDER, {"lines": None}),
    Case("lines are needed", "orders", ORDER, {"lines": MISSING}),
    Case("a line is an object", "orders", ORDER, {"lines.0": 5}),
    Case("a sale is above 0", "orders", ORDER, {"kind": "return"}),
    Case("a return is below 0", "orders", RETURN, {"kind": "sale"}),
    Case(
        "nothing is not sold",
        "orders",
        ORDER,
        {QUANTITY: 0, SUBTOTAL: money("0"), "total": money("0.000001")},
    ),
    Case("pieces are whole", "orders", ORDER, {QUANTITY: 2.0}),
    Case("pieces are known", "orders", ORDER, {QUANTITY: None}),
    Case(
        "a price is 0 or more",
        "orders",
        ORDER,
        {PRICE: money("-1"), SUBTOTAL: money("-2"), "total": money("-1.999999")},
    ),
    Case("a price is exact", "orders", ORDER, {PRICE: 2.55}),
    Case("a price is no text", "orders", ORDER, {PRICE: "2.55"}),
    Case("a price is known", "orders", ORDER, {PRICE: None}),
    Case(
        "a price is a number",
        "orders",
        ORDER,
        {PRICE: money("NaN"), SUBTOTAL: money("NaN"), "total": money("NaN")},
    ),
    Case(
        "a price has an end",
        "orders",
        ORDER,
        {PRICE: money("Infinity"), SUBTOTAL: money("Infinity"), "total": money("Infinity")},
    ),
    Case(
        "a price has six decimals",
        "orders",
        ORDER,
        {PRICE: money("2.5500001"), SUBTOTAL: money("5.1000002"), "total": money("5.1000012")},
    ),
    Case(
        "a subtotal is its product",
        "orders",
        ORDER,
        {SUBTOTAL: money("5.11"), "total": money("5.110001")},
    ),
    Case("a subtotal is needed", "orders", ORDER, {SUBTOTAL: MISSING}),
    Case("the total is the sum", "orders", ORDER, {"total": money("5.10")}),
    Case("the total is exact", "orders", ORDER, {"total": 5.100001}),
    Case("the total is known", "orders", ORDER, {"total": None}),
    Case("the currency is known", "orders", ORDER, {"currency": "XYZ"}),
    Case("the currency is in capitals", "orders", ORDER, {"currency": "gbp"}),
    Case("no order comes from the future", "orders", ORDER, {"placed_at": LATER}),
    Case("the time of record is needed", "orders", ORDER, {"recorded_at": MISSING}),
    Case("the time of record is known", "orders", ORDER, {"recorded_at": None}),
    Case("the kind is known", "orders", ORDER, {"kind": "gift"}),
    Case("the status is known", "orders", ORDER, {"status": "lost"}),
    Case("a number says something", "orders", ORDER, {"number": BLANK}),
    Case("a source says something", "orders", ORDER, {"source": ""}),
    Case("an article says something", "orders", ORDER, {"lines.0.sku": ""}),
    Case("a customer's id is an id", "orders", ORDER, {"customer_id": "17850"}),
    Case("an order's version begins at 1", "orders", ORDER, {"version": 0}),
    Case("an order's form is known", "orders", ORDER, {"schema_version": 2}),
    Case("a fingerprint does not end its line", "orders", ORDER, {"fingerprint": HASH + "\n"}),
    Case("a number is used once", "orders", OTHER_ORDER, {"number": "536365"}, beside=ORDER),
    Case("an order is asked for once", "orders", OTHER_ORDER, {"request": REQUEST}, beside=ORDER),
    Case("a card has its form", "customer_cards", CARD, {"email": "ann@example.com"}),
    Case("a card's version begins at 1", "customer_cards", CARD, {"version": 0}),
    # What customers knows of orders and of staff.
    Case("an entry's total is a number", "ledger", LEDGER, {"total": money("NaN")}),
    Case("an entry's total fits its kind", "ledger", LEDGER, {"total": money("-5.10")}),
    Case("an entry's kind fits its total", "ledger", LEDGER, {"kind": "return"}),
    Case("an entry's currency is known", "ledger", LEDGER, {"currency": "GPB"}),
    Case("an entry's version begins at 1", "ledger", LEDGER, {"version": 0}),
    Case("an entry belongs to somebody", "ledger", LEDGER, {"customer_id": None}),
    Case("a colleague's version begins at 1", "staff", STAFF, {"version": 0}),
    Case("what happened is of a known kind", "journal", ENTRY, {"kind": "gossip"}),
    Case("what happened is told", "journal", ENTRY, {"summary": ""}),
    Case("what happened is of somebody", "journal", ENTRY, {"customer_id": None}),
    Case(
        "an entry is made once",
        "journal",
        ENTRY | {"_id": B_ID, "request": MISSING},
        {"_id": A_ID},
        beside=ENTRY,
    ),
    # Accounts.
    Case("a user's address has an @", "users", USER, {"email": "sam"}),
    Case("a user's key is of that address", "users", USER, {"email_key": "pat@example.com"}),
    Case("a user's key has no capitals", "users", USER, {"email_key": "Sam@example.com"}),
    Case("a user's key is needed", "users", USER, {"email_key": MISSING}),
    Case("a user has a name", "users", USER, {"name": BLANK}),
    Case("a role is known", "users", USER, {"role": "owner"}),
    Case("a password is not kept", "users", USER, {"password_hash": "correct horse"}),
    Case("a user is active or not", "users", USER, {"active": 1}),
    Case("a user's version begins at 1", "users", USER, {"version": 0}),
    Case(
        "a user's address is one's",
        "users",
        OTHER_USER,
        {"email": "SAM@example.com", "email_key": "sam@example.com"},
        beside=USER,
    ),
    Case("a user is asked for once", "users", OTHER_USER, {"request": REQUEST}, beside=USER),
    Case("a session has a token", "sessions", SESSION, {"tokens": []}),
    Case("a token is not kept", "sessions", SESSION, {"tokens.0.hash": "in clear"}),
    Case("no address is kept", "sign_in_attempts", ATTEMPTS, {"_id": "sam@example.com.127.0.0.1"}),
    Case("tries are counted up", "sign_in_attempts", ATTEMPTS, {"failures": -1}),
    Case("one key signs", "signing_keys", RETIRED, {"state": "signing"}, beside=KEY),
    Case("a key's state is known", "signing_keys", KEY, {"state": "lost"}),
    # Imports.
    Case("an import's state is known", "jobs", JOB, {"state": "lost"}),
    Case("an import is somebody's", "jobs", JOB, {"asked_by": None}),
    Case("progress is counted up", "jobs", JOB, {"progress.rows": -1}),
    Case("a file has a size", "jobs", JOB, {"file.bytes": -1}),
    Case("an import's version begins at 1", "jobs", JOB, {"version": 0}),
    Case("an import is asked for once", "jobs", OTHER_JOB, {"request": REQUEST}, beside=JOB),
    Case("a row's amount is a number", "rows", ROW, {"amount": money("Infinity")}),
    Case("rows are counted from 1", "rows", ROW, {"row": 0}),
    Case("a file has a length", "uploads.files", FILE, {"length": MISSING}),
    Case("a file has no more", "uploads.files", FILE, {"owner": "ann"}),
    Case("a piece of a file is bytes", "uploads.chunks", CHUNK, {"data": "a"}),
    Case(
        "a piece of a file is kept once",
        "uploads.chunks",
        CHUNK | {"_id": ObjectId(B_ID), "n": 1},
        {"n": 0},
        beside=CHUNK,
    ),
    Case("an outcome's kind is known", "outcomes", OUTCOME, {"kind": "gift"}),
    Case("an outcome's status is known", "outcomes", OUTCOME, {"status": "lost"}),
)

# In the database of every service.
CASES_OF_ALL = (
    Case("attempts are counted up", "inbox", HANDLED, {"attempts": -1}),
    Case("attempts are whole", "inbox", HANDLED, {"attempts": 1.5}),
    Case("it is known when an event was seen", "inbox", HANDLED, {"seen_at": MISSING}),
    Case("it is known when an event was done", "inbox", HANDLED, {"done_at": None}),
    Case(
        "an event is handled once", "inbox", HANDLED | {"_id": B_ID}, {"_id": A_ID}, beside=HANDLED
    ),
    Case("it is known why one was dead-lettered", "dead_letters", LETTER, {"error": MISSING}),
    Case("a dead letter has its event", "dead_letters", LETTER, {"delivery": None}),
    Case("it is known when one was parked", "dead_letters", LETTER, {"parked_at": "today"}),
    Case("a dead letter has no more", "dead_letters", LETTER, {"note": "x"}),
    Case(
        "an event is dead-lettered once",
        "dead_letters",
        LETTER | {"_id": B_ID},
        {"_id": A_ID},
        beside=LETTER,
    ),
    Case("an account comes out", "migrations", APPLIED, {"count": 4}),
    Case("an account is not made up", "migrations", APPLIED, {"migrated": -1, "already_new": 4}),
    Case("nothing failed in what is applied", "migrations", APPLIED, {"failed": 1, "count": 4}),
    Case("a migration has a number", "migrations", APPLIED, {"_id": "split"}),
)
