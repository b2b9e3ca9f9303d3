"""Events that harm whoever handles them, and handlers that fall for it."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from shared.events.contracts import OrderState
from tests.faults.patching import replace

RAISES, KILLS, SLEEPS = "poison: raise", "poison: kill", "poison: sleep"
"""The `source` of an order that harms its subscriber in that way."""


def install() -> None:
    """Have the subscribers of orders fall for poison, in this process."""
    replace("services.customers.operations.purchases:keep_ledger", _fall_for)


def _fall_for(original: Callable[..., None]) -> Callable[..., None]:
    def keep_ledger(customers: object, ledger: object, events: Sequence[OrderState]) -> None:
        for event in events:
            _HARM.get(event.source, _nothing)()
        original(customers, ledger, events)

    return keep_ledger


def _raise() -> None:
    raise ValueError("poison")


def _die() -> None:
    os._exit(137)


def _sleep() -> None:
    time.sleep(3600)


def _nothing() -> None:
    pass


_HARM: dict[str, Callable[[], Any]] = {RAISES: _raise, KILLS: _die, SLEEPS: _sleep}
