"""Replaces named functions of the product in this process alone, for faults that tests install.

The product knows nothing of it. A name that is not there any more is an error, so that a function
which was renamed fails the suite instead of leaving a fault that does nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from importlib import import_module
from typing import Any

Replacement = Callable[[Any], Any]
"""Makes what takes the place of the original, which it is given."""


class TargetGone(Exception):
    """The product has no such name; the fault has to be aimed again."""


def replace(target: str, replacement: Replacement) -> Callable[[], None]:
    """Put something in the place of `module:Class.method`; returns what puts the original back.

    :raises TargetGone: there is no such name.
    """
    module, _, path = target.partition(":")
    *outer, name = path.split(".")
    try:
        owner = reduce(getattr, outer, import_module(module))
        original = vars(owner)[name]
    except (ImportError, AttributeError, KeyError) as error:
        raise TargetGone(f"There is no {target} any more; aim the fault again.") from error
    setattr(owner, name, replacement(original))
    return lambda: setattr(owner, name, original)


@contextmanager
def replaced(target: str, replacement: Replacement) -> Iterator[None]:
    """Something else in the place of `target`, for a while.

    :raises TargetGone: there is no such name.
    """
    put_back = replace(target, replacement)
    try:
        yield
    finally:
        put_back()
