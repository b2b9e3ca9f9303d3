"""Contracts of all events that services publish.

Its name and fields. Publishers and subscribers are named in each service's `__init__.py`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from shared.events.event import Event


@dataclass(frozen=True, kw_only=True)
class CustomerState(Event):
    """A customer as it is after a change: there. Who wants to know more asks for it by HTTP."""

    EMPTIED: ClassVar[dict[str, Any]] = {"name": "-"}

    customer_id: str


class CustomerRegistered(CustomerState):
    """A customer was added."""


class CustomerChanged(CustomerState):
    """Something about a customer was changed."""


@dataclass(frozen=True, kw_only=True)
class CustomerDeleted(Event):
    """A customer was deleted; only the id stays."""

    customer_id: str


@dataclass(frozen=True, kw_only=True)
class CustomerRestated(Event):
    """A customer as it is, there or deleted, republished for copies that were lost."""

    EMPTIED: ClassVar[dict[str, Any]] = {"name": None}

    customer_id: str
    deleted: bool


@dataclass(frozen=True, kw_only=True)
class CustomerDetailsChanged(Event):
    """Fields of a customer were changed: each as `field`, what was in it `before`, and `after`."""

    PRIVATE: ClassVar[frozenset[str]] = frozenset({"changes"})

    customer_id: str
    changes: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class ConsentChanged(Event):
    """A customer said by which channels they agree to be contacted, and by which not.

    Each of them as `channel`, what was known `before` (yes, no, or null), and `after`.
    """

    PRIVATE: ClassVar[frozenset[str]] = frozenset({"consents"})

    customer_id: str
    consents: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class VisitorTied(Event):
    """A visitor of the shop's website turned out to be this customer."""

    visitor_id: str
    customer_id: str


@dataclass(frozen=True, kw_only=True)
class OrderState(Event):
    """An order as it is after a change.

    `total` is a decimal string; `customer_id` is null for a guest.
    """

    order_id: str
    number: str
    source: str
    customer_id: str | None
    kind: str
    status: str
    total: str
    currency: str
    placed_at: str


class OrderPlaced(OrderState):
    """An order, or a return, was recorded."""


class OrderPaid(OrderState):
    """An order was paid."""


class OrderShipped(OrderState):
    """An order left the shop."""


class OrderDelivered(OrderState):
    """An order reached the customer."""


class OrderCancelled(OrderState):
    """An order was called off."""


class OrderRestated(OrderState):
    """An order as it is, republished for copies that were lost."""


@dataclass(frozen=True, kw_only=True)
class UserState(Event):
    """A member of staff as they are after a change."""

    EMPTIED: ClassVar[dict[str, Any]] = {"name": "-"}

    user_id: str
    role: str
    active: bool


class UserRegistered(UserState):
    """A member of staff was given a log-in."""


class UserChanged(UserState):
    """A member of staff was renamed, given another role, or switched on or off."""


class UserRestated(UserState):
    """A member of staff as they are, republished for copies that were lost."""


@dataclass(frozen=True, kw_only=True)
class ImportAdvanced(Event):
    """An import was asked for, or one step of it was finished, so that the next step is due."""

    import_id: str
    step: int


ALL: tuple[type[Event], ...] = (
    CustomerRegistered,
    CustomerChanged,
    CustomerDeleted,
    CustomerRestated,
    CustomerDetailsChanged,
    ConsentChanged,
    VisitorTied,
    OrderPlaced,
    OrderPaid,
    OrderShipped,
    OrderDelivered,
    OrderCancelled,
    OrderRestated,
    UserRegistered,
    UserChanged,
    UserRestated,
    ImportAdvanced,
)
