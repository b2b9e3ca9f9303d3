"""Throttling of sign-in: which tries are let through. Knows neither HTTP nor MongoDB.

An account counts by its e-mail address, whether somebody has it or not, so that both behave alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import TypeVar

from services.accounts.attempts import Attempts, Crowd, Pair, account_mark, address_mark
from services.accounts.repository.attempts import AttemptRepository
from shared.errors import TooMany

Counter = TypeVar("Counter", bound=Attempts)

TURNS = 50
"""How often counting starts again because another try came between.

Each of those was let through, and the limits let through less than half as many.
"""


@dataclass(frozen=True)
class Try:
    """A try that was let through, and counted as failed until the password was right."""

    pair: Pair
    crowds: tuple[Crowd, ...]
    """Where it counts besides: none, if the account signed in at this address lately."""


def begin(attempts: AttemptRepository, *, email: str, address: str, now: datetime) -> Try:
    """Count a try for the account of `email` at `address` as failed, and let it through.

    :raises TooMany: too much has failed; it says when to try again.
    """
    pair, *others = attempts.of(account_mark(email), address_mark(address), now=now)
    crowds = () if pair.is_known(now) else tuple(others)
    # Looked at together first: what one refuses is not to count at the others.
    for counter in (pair, *crowds):
        _let_through(counter, now)
    return Try(
        pair=_count(attempts, pair, now),
        crowds=tuple(_count(attempts, crowd, now) for crowd in crowds),
    )


def succeed(attempts: AttemptRepository, counted: Try, *, now: datetime) -> None:
    """Make up for a try whose password was right, and know its address from now on."""
    _change(attempts, counted.pair, lambda pair: pair.succeeded(now))
    for crowd in counted.crowds:
        _change(attempts, crowd, lambda crowd: crowd.made_up_for())


def forget(attempts: AttemptRepository, *, email: str) -> None:
    """Let the account of `email` start again everywhere."""
    attempts.forget(account_mark(email))


def _count(attempts: AttemptRepository, counter: Counter, now: datetime) -> Counter:
    return _change(attempts, counter, lambda found: _let_through(found, now).tried(now))


def _let_through(counter: Counter, now: datetime) -> Counter:
    seconds = ceil(counter.wait(now).total_seconds())
    if seconds > 0:
        raise _too_many(seconds)
    return counter


def _change(
    attempts: AttemptRepository, counter: Counter, step: Callable[[Counter], Counter]
) -> Counter:
    for _ in range(TURNS):
        after = step(counter)
        if attempts.put(after, before=counter):
            return after
        counter = attempts.again(counter)
    raise _too_many(1)


def _too_many(seconds: int) -> TooMany:
    return TooMany("Too many wrong passwords; wait a little and try again.", retry_after=seconds)
