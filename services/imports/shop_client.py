"""Client of the other services.

Their bulk endpoints, called as the person who asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from shared.api_client import ApiClient, RefreshedToken
from shared.document import Document
from shared.settings import Settings

ACCOUNTS_TRIES = 3
ACCOUNTS_SECONDS = (3.0, 5.0)
"""How often accounts is asked, and how long it may take, to connect and to answer.

What is asked is quickly answered. Who asks is a web thread, or a step of an import, which has to
end in time to come again without being counted as a failure.
"""

NAMED_FAULTS = 200
"""How many faults a bulk call names; a test holds it to what the services do."""


@dataclass(frozen=True)
class Shop:
    """The calls that an import makes to customers and orders.

    Each function takes a batch's name and entries.
    """

    add_customers: Callable[[str, Sequence[Document]], list[Document]]
    add_orders: Callable[[str, Sequence[Document]], list[Document]]


def connect(settings: Settings, delegation: str) -> Shop:
    """The shop as seen by whoever gave this delegation."""
    token = RefreshedToken(
        settings.accounts_url, delegation, tries=ACCOUNTS_TRIES, timeout=ACCOUNTS_SECONDS
    )
    customers, orders = (
        ApiClient(settings.customers_url, token),
        ApiClient(settings.orders_url, token),
    )

    def add_customers(batch: str, entries: Sequence[Document]) -> list[Document]:
        return _results(partial(_send, customers, "/v1/customers/bulk", batch), entries)

    def add_orders(batch: str, entries: Sequence[Document]) -> list[Document]:
        return _results(partial(_send, orders, "/v1/orders/bulk", batch), entries)

    return Shop(add_customers=add_customers, add_orders=add_orders)


def delegate(settings: Settings, authorization: str) -> str:
    """A delegation to imports by whoever sent this Authorization header.

    :raises ApiRefused: accounts does not take the token.
    :raises ApiUnreachable: accounts does not answer.
    """
    answer = _accounts(settings).post(
        "/v1/tokens/delegations", {"to": "imports"}, headers={"Authorization": authorization}
    )
    return str(answer["refresh_token"])


def end_delegation(settings: Settings, delegation: str) -> None:
    """Give a delegation back, once the work is done.

    :raises ApiUnreachable: accounts does not answer.
    """
    _accounts(settings).post("/v1/tokens/revoke", {"refresh_token": delegation})


def problem_text(problem: Document) -> str:
    """A refusal as one sentence for the column `reason`."""
    details = [f"{error['field']}: {error['message']}" for error in problem.get("errors", ())]
    if more := problem.get("more_errors"):
        details.append(f"And {more} more.")
    return " ".join([str(problem.get("detail", "It was refused.")), *details])


def _accounts(settings: Settings) -> ApiClient:
    return ApiClient(settings.accounts_url, tries=ACCOUNTS_TRIES, timeout=ACCOUNTS_SECONDS)


def _send(client: ApiClient, path: str, batch: str, entries: Sequence[Document]) -> list[Document]:
    results: list[Document] = client.post(path, {"batch": batch, "entries": entries})["results"]
    return results


def _results(
    send: Callable[[Sequence[Document]], list[Document]], entries: Sequence[Document]
) -> list[Document]:
    """The result of each entry, with a reason for each that was refused.

    A call names so many faults and no more; those that it only counted are sent again.
    """
    results = send(entries)
    vague = [place for place, result in enumerate(results) if _is_vague(result)]
    for begin in range(0, len(vague), NAMED_FAULTS):
        places = vague[begin : begin + NAMED_FAULTS]
        again = send([entries[place] for place in places])
        for place, result in zip(places, again, strict=True):
            results[place] = {**result, "index": place}
    return results


def _is_vague(result: Document) -> bool:
    problem = result.get("problem", {})
    return bool(problem.get("more_errors")) and not problem.get("errors")
