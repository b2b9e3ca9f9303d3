"""Named places at which a process can be made to die, and how a test arms them.

A file arms a point: its name says at which pass the process is to die. To die is to rename that
file, which only one of several processes can do and which proves to the test that it happened, and
then to end at once, as the kernel ends a process: no handler runs, nothing is flushed.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from tests.faults.patching import replace

EXIT_CODE = 137
"""What a shell shows of a process that was ended by SIGKILL."""
MAX_PASSES = 3


@dataclass(frozen=True, kw_only=True)
class Point:
    """A place before or after one function, in one process of one service."""

    name: str
    process: str
    service: str
    target: str
    after: bool
    matters: Callable[..., bool] = lambda *_, **__: True
    """Whether a call, with these arguments, has anything to do."""

    def install(self, reach: Callable[[str], None]) -> Callable[[], None]:
        """Have `reach` called with the name at each pass; returns what takes it out again."""

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(original)
            def passing(*args: Any, **kwargs: Any) -> Any:
                matters = self.matters(*args, **kwargs)
                if matters and not self.after:
                    reach(self.name)
                result = original(*args, **kwargs)
                if matters and self.after:
                    reach(self.name)
                return result

            return passing

        return replace(self.target, wrap)


def _before(name: str, process: str, service: str, target: str, **more: Any) -> Point:
    return Point(name=name, process=process, service=service, target=target, after=False, **more)


def _after(name: str, process: str, service: str, target: str, **more: Any) -> Point:
    return Point(name=name, process=process, service=service, target=target, after=True, **more)


def _has_some(*args: Any) -> bool:
    """Whether there are events at all; the relay asks five times a second."""
    return any(isinstance(each, list) and each for each in args)


_ORDERS = "services.orders.repository.orders:OrderRepository"
_CUSTOMERS = "services.customers.repository.customers:CustomerRepository"
_LEDGER = "services.customers.repository.ledger:LedgerRepository"
_RELAY = "shared.messaging.relay:Relay"
_CLAIM = "shared.messaging.claims:Claims.claim"
POINTS = (
    _before("order.to-be-written", "web", "orders", f"{_ORDERS}.add"),
    _after("order.written", "web", "orders", f"{_ORDERS}.add"),
    _before("step.to-be-written", "web", "orders", "shared.mongo.repository:Repository.change"),
    _after("step.written", "web", "orders", "shared.mongo.repository:Repository.change"),
    _before("customer.to-be-written", "web", "customers", f"{_CUSTOMERS}.add"),
    _after("customer.written", "web", "customers", f"{_CUSTOMERS}.add"),
    _before("relay.found", "relay", "orders", _CLAIM, matters=_has_some),
    _after("relay.claimed", "relay", "orders", _CLAIM, matters=_has_some),
    _after("relay.between-messages", "relay", "orders", f"{_RELAY}.send"),
    _after("relay.published", "relay", "orders", f"{_RELAY}.publish", matters=_has_some),
    _before("worker.received", "worker", "customers", "shared.messaging.consumer:Consumer.handle"),
    _after("worker.counted", "worker", "customers", "shared.messaging.inbox:Inbox.count_attempt"),
    _before("worker.to-record", "worker", "customers", f"{_LEDGER}.record"),
    _after("worker.recorded", "worker", "customers", f"{_LEDGER}.record"),
    _before("worker.computed", "worker", "customers", f"{_CUSTOMERS}.set_purchases"),
    _after("worker.stored", "worker", "customers", f"{_CUSTOMERS}.set_purchases"),
    _before("worker.handled", "worker", "customers", "shared.messaging.inbox:Inbox.mark_done"),
    _after("worker.done", "worker", "customers", "shared.messaging.inbox:Inbox.mark_done"),
    _after("worker.receipt-sent", "worker", "customers", "shared.messaging.receipts:send"),
    _before("sender.receipt-received", "worker", "orders", "shared.messaging.receipts:confirm"),
    _after("sender.confirmed", "worker", "orders", "shared.messaging.receipts:confirm"),
)


def install(folder: Path, *, process: str, service: str) -> None:
    """Make this process die at the points that files in `folder` arm."""
    for point in POINTS:
        if (point.process, point.service) == (process, service):
            point.install(lambda name: die_if_armed(folder, name))


def arm(folder: Path, name: str, *, at_pass: int) -> None:
    """Have the next process that passes the point for the `at_pass`th time die there."""
    assert 1 <= at_pass <= MAX_PASSES
    _armed(folder, name, at_pass).touch()


def is_armed(folder: Path, name: str) -> bool:
    """Whether nobody has died there yet."""
    return any(_armed(folder, name, left).exists() for left in range(1, MAX_PASSES + 1))


def deaths(folder: Path) -> list[str]:
    """The points at which processes died, as often as they did."""
    return [path.name.rpartition(".")[0] for path in folder.glob("*.died-*")]


def die_if_armed(folder: Path, name: str) -> None:
    """End this process here if the point is armed and this is the pass."""
    for left in range(1, MAX_PASSES + 1):
        follower = _armed(folder, name, left - 1)
        if left == 1:
            follower = folder / f"{name}.died-{time.monotonic_ns()}"
        try:
            _armed(folder, name, left).rename(follower)
        except FileNotFoundError:
            # It is not armed for this pass, or another process was quicker.
            continue
        if left == 1:
            os._exit(EXIT_CODE)
        return


def _armed(folder: Path, name: str, left: int) -> Path:
    return folder / f"{name}.{left}-to-go"
