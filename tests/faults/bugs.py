"""Bugs that tests put into the product on purpose, to see that the other tests would notice.

Each is a mistake somebody could make, in the place where they would make it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bson import Decimal128
from pymongo import MongoClient, UpdateOne
from pymongo.collection import Collection

from services.customers.model.journal import Entry
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from services.customers.repository.ledger import LedgerRepository
from shared.document import Document
from shared.events.contracts import OrderState
from shared.identifiers import new_id
from shared.messaging import receipts
from shared.messaging.broker import create_celery
from shared.messaging.claims import Claim, Claims
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.mongo import logins
from tests.faults.patching import Replacement, replaced


@dataclass(frozen=True)
class Bug:
    """A mistake: what it replaces, by what."""

    target: str
    replacement: Replacement


@contextmanager
def seeded(name: str | None) -> Iterator[None]:
    """The product with this bug, in this process, for a while; without any if there is no name."""
    if name is None:
        yield
        return
    bug = BUGS[name]
    with replaced(bug.target, bug.replacement):
        yield


def _confirm_at_publish(original: Callable[..., None]) -> Callable[..., None]:
    """What was published is taken for delivered."""

    def publish(relay: Relay, name: str, subscriber: str, claims: Sequence[Claim]) -> None:
        original(relay, name, subscriber, claims)
        published = [[name, claim.document_id, claim.entry["id"]] for claim in claims]
        receipts.confirm(relay._claims._database, published, subscriber=subscriber)

    return publish


def _never_resent(_: object) -> Callable[[int], timedelta]:
    """What was sent once is not looked at again."""
    return lambda _sent: timedelta(days=10_000)


def _polled_by_id(_: object) -> Callable[..., list[tuple[str, Document]]]:
    """The relay remembers the last document that it sent from, and goes on behind it."""
    seen: dict[tuple[Claims, str, str], str] = {}

    def find_due(
        claims: Claims, name: str, subscriber: str, _: datetime
    ) -> list[tuple[str, Document]]:
        last = seen.get((claims, name, subscriber), "")
        documents = list(claims._database[name].find({"_id": {"$gt": last}}).sort("_id", 1))
        if documents:
            seen[claims, name, subscriber] = documents[-1]["_id"]
        return [
            (document["_id"], entry)
            for document in documents
            for entry in document["outbox"]
            if entry["to"] == subscriber
        ]

    return find_due


def _no_version_filter(_: object) -> Callable[..., None]:
    """Whatever state comes last is kept, even if it is an older one."""

    def apply_states(
        collection: Collection[Document], states: Sequence[Document], **_: object
    ) -> None:
        if states:
            collection.bulk_write(
                [UpdateOne({"_id": state["_id"]}, {"$set": state}, upsert=True) for state in states]
            )

    return apply_states


def _acknowledged_early(original: Callable[..., list[Document]]) -> Callable[..., list[Document]]:
    """The receipt is sent before there is anything to confirm."""

    def handle(consumer: Consumer, deliveries: list[Document]) -> list[Document]:
        with create_celery(consumer.service, consumer.settings) as celery:
            receipts.send(celery, deliveries, subscriber=consumer.service, signer=consumer.signer)
        return original(consumer, deliveries)

    return handle


def _swallowed_exception(original: Callable[..., object]) -> Callable[..., None]:
    """What a handler raises is ignored, and the event counts as done."""

    def run_handler(consumer: Consumer, deliveries: list[Document]) -> None:
        original(consumer, deliveries)

    return run_handler


def _uncounted_attempts(_: object) -> Callable[..., None]:
    """Attempts are counted only afterwards, by those who survived them."""

    def count_attempt(*_: Any) -> None:
        pass

    return count_attempt


def _added_purchases(_: object) -> Callable[..., None]:
    """Each event adds its order to the customer's purchases."""

    def keep_ledger(
        customers: CustomerRepository, ledger: LedgerRepository, events: Sequence[OrderState]
    ) -> None:
        for event in events:
            if event.customer_id is None:
                continue
            ledger.record([event])
            owner = customers.collection.find_one({"_id": event.customer_id})
            if owner and "purchases" in owner:
                totals = owner["purchases"]["totals"] or [{"amount": Decimal128("0")}]
                amount = totals[0]["amount"].to_decimal() + Decimal(event.total)
                total = {"amount": Decimal128(amount), "currency": event.currency}
                customers.collection.update_one(
                    {"_id": event.customer_id},
                    {"$set": {"purchases.totals": [total]}, "$inc": {"purchases.orders": 1}},
                )

    return keep_ledger


def _no_revision_guard(_: object) -> Callable[..., bool]:
    """Purchases are stored even if somebody else stored newer ones meanwhile."""

    def set_purchases(
        customers: CustomerRepository, customer_id: str, purchases: Document, *, revision: int
    ) -> bool:
        # Such a pause is what a busy machine makes at its own times.
        time.sleep(0.005)
        customers.collection.update_one(
            {"_id": customer_id}, {"$set": {"purchases": purchases, "revision": revision + 1}}
        )
        return True

    return set_purchases


def _replaced_outbox(original: Callable[..., Document]) -> Callable[..., Document]:
    """A change puts its event in the place of those that wait, not behind them."""

    def change(repository: Any, id: str, *others: Any, **options: Any) -> Document:
        repository.collection.update_one({"_id": id}, {"$set": {"outbox": []}})
        return original(repository, id, *others, **options)

    return change


def _new_ids(original: Callable[..., set[str]]) -> Callable[..., set[str]]:
    """What is written down about an event has an id of its own, not the event's."""

    def add_all(journal: JournalRepository, entries: Sequence[Entry]) -> set[str]:
        return original(journal, [replace(entry, id=new_id()) for entry in entries])

    return add_all


def _one_copy_is_enough(original: Callable[..., MongoClient[Document]]) -> Callable[..., Any]:
    """Writes are acknowledged as soon as the primary alone has them."""

    def connect(*arguments: Any, **options: Any) -> MongoClient[Document]:
        careful = original(*arguments, **options)
        hosts = [f"{host}:{port}" for host, port in careful._topology_settings.seeds]
        careful.close()
        return MongoClient(
            hosts,
            replicaSet=careful.options.replica_set_name,
            w=1,
            tz_aware=True,
            serverSelectionTimeoutMS=15_000,
            **logins.as_user(arguments[0]),
        )

    return connect


BUGS = {
    "confirm at publish": Bug("shared.messaging.relay:Relay.publish", _confirm_at_publish),
    "never send again": Bug("shared.messaging.claims:resend_delay", _never_resent),
    "poll by _id >": Bug("shared.messaging.claims:Claims.find_due", _polled_by_id),
    "no version filter": Bug(
        "services.customers.repository.ledger:apply_states", _no_version_filter
    ),
    "acknowledge early": Bug("shared.messaging.consumer:Consumer.handle", _acknowledged_early),
    "swallow an exception": Bug(
        "shared.messaging.consumer:Consumer._run_handler", _swallowed_exception
    ),
    "count no attempts": Bug("shared.messaging.inbox:Inbox.count_attempt", _uncounted_attempts),
    "add up purchases": Bug(
        "services.customers.operations.purchases:keep_ledger", _added_purchases
    ),
    "no revision guard": Bug(
        "services.customers.repository.customers:CustomerRepository.set_purchases",
        _no_revision_guard,
    ),
    "no unique event id": Bug(
        "services.customers.repository.journal:JournalRepository.add_all", _new_ids
    ),
    "replace the outbox": Bug("shared.mongo.repository:Repository.change", _replaced_outbox),
    "w=1": Bug("shared.mongo.client:connect", _one_copy_is_enough),
}
