"""Client of the other services.

Their bulk endpoints, called as the person who asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.api_client import ApiClient, RefreshedToken
from shared.document import Document
from shared.settings import Settings


@dataclass(frozen=True)
class Shop:
    """The calls that an import makes to customers and orders.

    Each function takes a batch's name and entries.
    """

    add_customers: Callable[[str, Sequence[Document]], list[Document]]
    add_orders: Callable[[str, Sequence[Document]], list[Document]]


def connect(settings: Settings, delegation: str) -> Shop:
    """The shop as seen by whoever gave this delegation."""
    token = RefreshedToken(settings.accounts_url, delegation)
    customers, orders = (
        ApiClient(settings.customers_url, token),
        ApiClient(settings.orders_url, token),
    )

    def add_customers(batch: str, entries: Sequence[Document]) -> list[Document]:
        return _results(customers.post("/v1/customers/bulk", {"batch": batch, "entries": entries}))

    def add_orders(batch: str, entries: Sequence[Document]) -> list[Document]:
        return _results(orders.post("/v1/orders/bulk", {"batch": batch, "entries": entries}))

    return Shop(add_customers=add_customers, add_orders=add_orders)


def delegate(settings: Settings, authorization: str) -> str:
    """A delegation to imports by whoever sent this Authorization header.

    :raises ApiRefused: accounts does not take the token.
    :raises ApiUnreachable: accounts does not answer.
    """
    answer = ApiClient(settings.accounts_url).post(
        "/v1/tokens/delegations", {"to": "imports"}, headers={"Authorization": authorization}
    )
    return str(answer["refresh_token"])


def end_delegation(settings: Settings, delegation: str) -> None:
    """Give a delegation back, once the work is done."""
    ApiClient(settings.accounts_url).post("/v1/tokens/revoke", {"refresh_token": delegation})


def problem_text(problem: Document) -> str:
    """A refusal as one sentence for the column `reason`."""
    details = [f"{error['field']}: {error['message']}" for error in problem.get("errors", ())]
    return " ".join([str(problem.get("detail", "It was refused.")), *details])


def _results(answer: Document) -> list[Document]:
    results: list[Document] = answer["results"]
    return results
