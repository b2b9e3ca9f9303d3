"""Poison among healthy events, in real processes: dead-lettered, redelivered in the end."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import requests

from services.tools import events
from shared.document import Document
from shared.messaging.broker import broker_client, queue_key
from shared.messaging.dead_letters import Replay
from shared.messaging.retries import MAX_ATTEMPTS
from tests.faults import books
from tests.faults.poison import KILLS, RAISES, SLEEPS
from tests.faults.processes import wait_until
from tests.faults.storms import Figures
from tests.faults.system import QUIET_WITHIN, System

SHOP = "shop"
HEALTHY = 20


def survive_poison(system: System) -> Figures:
    """Harmful events are dead-lettered, others go on, and after the fix all are handled.

    One raises, one kills its worker, one sleeps on; one is malformed, one of a newer version.
    """
    keeper, relay = system.servers.keeper, system.processes["relay orders"]
    keeper.end(relay)
    customer = _customer(system)
    healthy = [_order(system, customer, SHOP) for _ in range(HEALTHY)]
    poison = [_order(system, customer, source) for source in (RAISES, KILLS, SLEEPS)]
    malformed = _spoil(system, _order(system, customer, SHOP), "data.total", 1)
    newer = _spoil(system, _order(system, customer, SHOP), "schema", 99)
    keeper.restart(relay)
    began = time.monotonic()
    _wait_until_handled(system, healthy)
    handled = time.monotonic() - began
    system.wait_until_quiet()
    # Copies that were sent more than once would be read as they were before they were mended.
    wait_until(lambda: not _on_their_way(system), "all copies were read", seconds=QUIET_WITHIN)
    dead_lettered = time.monotonic() - began
    figures = _look(system, [*poison, malformed, newer])
    system.restart("worker customers", poison=False)
    _mend(system)
    replayed = _replay(system)
    system.wait_until_quiet()
    books.check(system.base)
    assert replayed == [Replay.SENT] * 5, replayed
    assert not _replay(system), "there is still something to replay"
    return {
        **figures,
        "healthy handled after s": round(handled, 1),
        "poison dead-lettered after s": round(dead_lettered, 1),
        "replayed": len(replayed),
    }


def _look(system: System, harmful: Sequence[str]) -> Figures:
    base = system.base("customers")
    letters = [letter["delivery"]["document_id"] for letter in base.dead_letters.find()]
    if sorted(letters) != sorted(harmful):
        raise books.Lost(
            f"{len(letters)} events were dead-lettered, and {len(harmful)} are harmful."
        )
    most = max(entry["attempts"] for entry in base.inbox.find())
    if most > MAX_ATTEMPTS:
        raise books.Lost(f"An event was tried {most} times.")
    died = system.processes["worker customers"].log.read_text().count("exited with 'exitcode 137'")
    assert died, "no worker died of poison"
    return {"dead letters": len(letters), "workers that died": died, "most attempts": most}


def _on_their_way(system: System) -> int:
    """How many messages wait for customers' worker, or are in its hands."""
    with broker_client(system.settings) as broker:
        waiting: Any = broker.llen(queue_key(system.settings, "customers"))
        held: Any = broker.hlen(queue_key(system.settings, "unacked"))
        return int(waiting + held)


def _mend(system: System) -> None:
    """Give the letters back what was spoilt. The others need no more than a worker that is well."""
    letters = system.base("customers").dead_letters
    for order in system.base("orders").orders.find():
        letters.update_one(
            {"delivery.document_id": order["_id"]},
            {"$set": {"delivery.data.total": str(order["total"]), "delivery.schema": 1}},
        )


def _replay(system: System) -> list[Replay]:
    found = list(events.letters(system.settings, system.client, ["customers"]))
    done = events.replay(system.settings, system.client, found, now=datetime.now(UTC))
    return [outcome for _, _, outcome in done]


def _wait_until_handled(system: System, orders: Sequence[str]) -> None:
    query = {"_id": {"$in": list(orders)}}
    ledger = system.base("customers").ledger
    wait_until(
        lambda: ledger.count_documents(query) == len(orders),
        "all healthy events were handled",
        seconds=QUIET_WITHIN,
    )


def _customer(system: System) -> str:
    body = {"last_name": "Client", "external_id": "client"}
    return str(_post(system, "customers", "/v1/customers", body)["id"])


def _order(system: System, customer_id: str, source: str) -> str:
    line = {"sku": "MUG", "quantity": 1, "unit_price": "1.50"}
    body = {"customer_id": customer_id, "source": source, "currency": "EUR", "lines": [line]}
    return str(_post(system, "orders", "/v1/orders", body)["id"])


def _post(system: System, service: str, path: str, body: Document) -> Document:
    headers = {"Authorization": f"Bearer {system.token()}"}
    answer = requests.post(system.url(service) + path, json=body, headers=headers, timeout=30)
    assert answer.status_code == requests.codes.created, answer.text
    created: Document = answer.json()
    return created


def _spoil(system: System, id: str, field: str, value: object) -> str:
    """Have an order's event travel as no sender of this version would send it."""
    spoilt = {f"outbox.0.{field}": value}
    system.base("orders").orders.update_one({"_id": id}, {"$set": spoilt})
    return id
