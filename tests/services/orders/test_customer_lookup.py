"""How orders finds out whether a customer exists, with a real customers service to ask."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import pytest
import requests
from pymongo import MongoClient
from werkzeug.serving import make_server

from services.customers import documents as customers_documents
from services.customers.app import create_app as create_customers
from services.orders.app import create_app
from services.orders.customer_lookup import CustomerLookup, Unanswered, ask_customers
from services.orders.model import CustomerGone, NoSuchCustomer
from services.orders.operations import keep_copies
from services.orders.repository.copies import CustomerCopyRepository
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.events.contracts import CustomerDeleted, CustomerRegistered
from shared.identifiers import new_id
from shared.mongo.client import service_database
from shared.mongo.collections import build
from shared.settings import Settings

Headers = Callable[[str], dict[str, str]]


class TestAskCustomers:
    def test_says_who_exists(self, customers_url: str, headers: Headers) -> None:
        known = register(customers_url, headers("sales"))

        found = ask_customers(
            [known, new_id()], url=customers_url, headers=partial(headers, "sales")
        )

        assert found == {known}

    def test_a_full_question_gets_an_answer(self, customers_url: str, headers: Headers) -> None:
        ids = [new_id() for _ in range(200)]

        assert ask_customers(ids, url=customers_url, headers=partial(headers, "sales")) == set()

    def test_a_refusal_is_no_answer(self, customers_url: str) -> None:
        with pytest.raises(Unanswered, match="status 401"):
            ask_customers([new_id()], url=customers_url, headers=dict)

    def test_nobody_there_is_no_answer(self) -> None:
        with pytest.raises(Unanswered, match="ConnectionError"):
            ask_customers([new_id()], url="http://127.0.0.1:9", headers=dict)


class TestCustomerLookup:
    def test_a_guest_passes_unasked(self, copies: CustomerCopyRepository) -> None:
        CustomerLookup(copies, nobody_may_ask).refuse_unknown(None)

    def test_a_copy_is_enough(self, copies: CustomerCopyRepository) -> None:
        id = new_id()
        keep_copies(copies, [CustomerRegistered(customer_id=id, version=1, occurred_at="")])

        CustomerLookup(copies, nobody_may_ask).refuse_unknown(id)

    def test_a_deleted_customer_is_gone_without_asking(
        self, copies: CustomerCopyRepository
    ) -> None:
        id = new_id()
        keep_copies(copies, [CustomerDeleted(customer_id=id, version=2, occurred_at="")])

        with pytest.raises(CustomerGone):
            CustomerLookup(copies, nobody_may_ask).refuse_unknown(id)

    def test_who_is_not_known_there_is_unknown(self, copies: CustomerCopyRepository) -> None:
        with pytest.raises(NoSuchCustomer):
            CustomerLookup(copies, lambda _: []).refuse_unknown(new_id())

    def test_asks_no_more_after_silence(self, copies: CustomerCopyRepository) -> None:
        questions: list[int] = []

        def silent(ids: Sequence[str]) -> set[str]:
            questions.append(len(ids))
            raise Unanswered("Timeout")

        refusals = CustomerLookup(copies, silent).refusals(new_id() for _ in range(500))

        assert (refusals, questions) == ({}, [200])


class TestOrdersApplication:
    @pytest.mark.usefixtures("database")
    def test_asks_as_the_caller_for_a_customer_of_a_moment_ago(
        self,
        customers_url: str,
        settings: Settings,
        client: MongoClient[Document],
        verifier: TokenVerifier,
        headers: Headers,
    ) -> None:
        here = replace(settings, customers_url=customers_url)
        http = create_app(here, client=client, verifier=verifier).test_client()
        line = {"sku": "85123A", "quantity": 1, "unit_price": "2.55"}
        order = {
            "currency": "GBP",
            "lines": [line],
            "customer_id": register(customers_url, headers("sales")),
        }

        answer = http.post("/v1/orders", json=order, headers=headers("sales"))
        made_up = http.post(
            "/v1/orders", json=order | {"customer_id": new_id()}, headers=headers("sales")
        )

        assert (answer.status_code, made_up.status_code) == (201, 422)


def nobody_may_ask(ids: object) -> set[str]:
    raise AssertionError(f"asked for {ids}")


def register(url: str, headers: dict[str, str]) -> str:
    answer = requests.post(
        f"{url}/v1/customers", json={"last_name": "Byron"}, headers=headers, timeout=5
    )
    assert answer.status_code == 201
    return str(answer.json()["id"])


@pytest.fixture
def customers_url(
    client: MongoClient[Document], settings: Settings, verifier: TokenVerifier
) -> Iterator[str]:
    """The address of a running customers service."""
    list(build(service_database(client, settings, "customers"), customers_documents.COLLECTIONS))
    app = create_customers(settings, client=client, verifier=verifier)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
