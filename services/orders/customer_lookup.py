"""Looks up the customers that orders name: in our copies, then at the customers service itself.

An order often follows its customer by a moment, so a missing copy says nothing: the event may be
on its way. Only when the customers service says so is a customer unknown. While it does not answer
orders are taken unchecked, for a shop that cannot sell would be worse. Knows no order.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import structlog

from services.orders.model import CustomerGone, NoSuchCustomer
from services.orders.repository.copies import CustomerCopyRepository
from shared.api_client import ApiClient, ApiRefused, ApiUnreachable
from shared.errors import FieldError, Refusal

log = structlog.get_logger(__name__)

MAX_IDS = 200
"""Ids in one question to customers: as many as one page of theirs holds."""

ANSWER_SECONDS = 2.0


class Unanswered(Exception):
    """The customers service did not answer; the message says why."""


Ask = Callable[[Sequence[str]], Collection[str]]
"""Asks which of at most `MAX_IDS` customers exist. It may raise `Unanswered`."""


class CustomerLookup:
    """Refuses orders for customers who do not exist."""

    def __init__(self, copies: CustomerCopyRepository, ask: Ask) -> None:
        self._copies = copies
        self._ask = ask

    def refuse_unknown(self, customer_id: str | None) -> None:
        """Let pass a customer who exists, and a guest.

        :raises NoSuchCustomer: there is none with this id.
        :raises CustomerGone: they were deleted.
        """
        for refusal in self.refusals([customer_id] if customer_id else []).values():
            raise refusal

    def refusals(self, customer_ids: Iterable[str]) -> dict[str, Refusal]:
        """For each of these customers for whom no order may be placed, why."""
        asked = sorted(set(customer_ids))
        deleted = self._copies.deletions(asked) if asked else {}
        gone = {id: _gone() for id, is_deleted in deleted.items() if is_deleted}
        return gone | self._unknown([id for id in asked if id not in deleted])

    def _unknown(self, ids: Sequence[str]) -> dict[str, Refusal]:
        refusals: dict[str, Refusal] = {}
        for start in range(0, len(ids), MAX_IDS):
            group = ids[start : start + MAX_IDS]
            try:
                known = self._ask(group)
            except Unanswered as error:
                # Asking on would cost as many time-outs as there are groups.
                log.warning("customer_unverified", customer_ids=ids[start:], reason=str(error))
                break
            refusals |= {id: _no_such() for id in group if id not in known}
        return refusals


def ask_customers(
    ids: Sequence[str], *, url: str, headers: Callable[[], Mapping[str, str]]
) -> set[str]:
    """Those of these customers that the service at `url` has; `headers` say who asks.

    :raises Unanswered: it did not say within two seconds.
    """
    parameters: list[tuple[str, str]] = [("limit", str(MAX_IDS)), *(("id", id) for id in ids)]
    try:
        with ApiClient(url, tries=1, timeout=ANSWER_SECONDS) as customers:
            answer = customers.get("/v1/customers", parameters, headers=headers())
        return {customer["id"] for customer in answer["items"]}
    except ApiRefused as error:
        raise Unanswered(f"status {error.status}") from error
    except (ApiUnreachable, KeyError, TypeError) as error:
        raise Unanswered(f"{type(error).__name__}: {error}") from error


def _gone() -> CustomerGone:
    error = FieldError("customer_id", "This customer was deleted.")
    return CustomerGone("No order can be placed for a deleted customer.", errors=(error,))


def _no_such() -> NoSuchCustomer:
    error = FieldError("customer_id", "There is no customer with this id.")
    return NoSuchCustomer("The order names a customer who does not exist.", errors=(error,))
