"""The neighbours as imports calls them, over real HTTP."""

from collections.abc import Callable
from dataclasses import replace
from socket import create_server
from time import monotonic
from typing import Any

import pytest

from services.imports import shop_client
from services.imports.shop_client import NAMED_FAULTS, problem_text
from services.imports.steps import STEP_SECONDS
from shared.api_client import ApiRefused, ApiUnreachable
from shared.document import Document
from shared.local.ports import LOOPBACK
from shared.settings import Settings
from shared.web.bulk import MAX_CALL_ERRORS

Headers = Callable[[str], dict[str, str]]
WORKER_SECONDS = 50
ANSWER_SECONDS = sum(shop_client.ACCOUNTS_SECONDS)
ASKING: dict[str, Callable[[Settings], object]] = {
    "to begin": lambda settings: shop_client.delegate(settings, "Bearer x"),
    "to go on": lambda settings: shop_client.connect(settings, "a.b").add_customers("1", [ANN]),
    "to end": lambda settings: shop_client.end_delegation(settings, "a.b"),
}
ANN: Document = {
    "external_id": "7",
    "last_name": "Lee",
    "emails": [],
    "phones": [],
    "addresses": [],
}


@pytest.mark.usefixtures("database")
class TestDelegation:
    def test_lets_imports_act_for_whoever_gave_it(
        self, settings: Settings, delegation: str, browse: Callable[[str], Any]
    ) -> None:
        town = shop_client.connect(settings, delegation)

        (added,) = town.add_customers("import:1", [ANN])
        (ordered,) = town.add_orders("import:1", [order(customer_id=added["id"])])

        assert (added["status"], ordered["status"]) == ("created", "created")
        assert browse("orders").find_one({})["customer_id"] == added["id"]

    def test_shows_in_what_was_done_with_it(
        self, settings: Settings, delegation: str, browse: Callable[[str], Any], staff: Any
    ) -> None:
        town = shop_client.connect(settings, delegation)
        town.add_customers("import:1", [ANN])
        town.add_orders("import:1", [order()])

        said = [browse(name).find_one({})["outbox"][0]["data"] for name in ("customers", "orders")]
        assert [(one["actor"], one["via"]) for one in said] == [
            ({"id": staff["sales"], "role": "sales"}, "imports")
        ] * 2

    def test_is_not_given_to_a_stranger(self, settings: Settings) -> None:
        with pytest.raises(ApiRefused) as refused:
            shop_client.delegate(settings, "Bearer nonsense")

        assert refused.value.status == 401

    def test_is_worth_nothing_once_given_back(self, settings: Settings, delegation: str) -> None:
        shop_client.end_delegation(settings, delegation)

        with pytest.raises(ApiRefused) as refused:
            shop_client.connect(settings, delegation).add_customers("import:1", [ANN])

        assert refused.value.status == 401

    @pytest.mark.parametrize("ask", ASKING, ids=str)
    def test_does_not_wait_for_accounts_until_a_step_is_out_of_time(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch, ask: str
    ) -> None:
        monkeypatch.setattr(shop_client, "ACCOUNTS_SECONDS", (0.1, 0.1))
        began = monotonic()

        with create_server((LOOPBACK, 0)) as hanging:
            url = f"http://{LOOPBACK}:{hanging.getsockname()[1]}"
            with pytest.raises(ApiUnreachable):
                ASKING[ask](replace(settings, accounts_url=url))

        tries, pauses = shop_client.ACCOUNTS_TRIES, monotonic() - began
        assert tries * ANSWER_SECONDS + pauses < WORKER_SECONDS - STEP_SECONDS

    def test_can_be_given_back_twice(self, settings: Settings, delegation: str) -> None:
        shop_client.end_delegation(settings, delegation)
        shop_client.end_delegation(settings, delegation)


@pytest.mark.usefixtures("database")
class TestShop:
    def test_gives_a_result_for_each_in_their_order(
        self, settings: Settings, delegation: str
    ) -> None:
        town = shop_client.connect(settings, delegation)

        results = town.add_customers("import:1", [ANN, {**ANN, "external_id": 7}, ANN])

        assert [result["status"] for result in results] == ["created", "refused", "unchanged"]
        assert "external_id" in problem_text(results[1]["problem"])

    def test_gives_a_reason_for_each_refusal_however_many(
        self, settings: Settings, delegation: str
    ) -> None:
        town = shop_client.connect(settings, delegation)
        wrong = [{**ANN, "external_id": number} for number in range(2 * NAMED_FAULTS + 50)]

        results = town.add_customers("import:1", [ANN, *wrong])

        assert [result["index"] for result in results] == list(range(len(wrong) + 1))
        assert all("external_id" in problem_text(each["problem"]) for each in results[1:])
        assert NAMED_FAULTS == MAX_CALL_ERRORS

    def test_a_batch_sent_again_is_answered_alike(
        self, settings: Settings, delegation: str
    ) -> None:
        town = shop_client.connect(settings, delegation)
        first = town.add_orders("import:1", [order()])

        assert town.add_orders("import:1", [order()]) == first
        assert town.add_orders("import:2", [order()])[0]["status"] == "unchanged"

    def test_says_which_service_is_not_one_of_ours(
        self, settings: Settings, delegation: str
    ) -> None:
        astray = replace(settings, customers_url=f"{settings.customers_url}/elsewhere")

        with pytest.raises(ApiRefused) as refused:
            shop_client.connect(astray, delegation).add_customers("import:1", [ANN])

        assert refused.value.status == 404


class TestProblemText:
    @pytest.mark.parametrize(
        ("problem", "text"),
        [
            ({}, "It was refused."),
            ({"detail": "No."}, "No."),
            (
                {"detail": "No.", "errors": [{"field": "a.0", "message": "Wrong."}]},
                "No. a.0: Wrong.",
            ),
        ],
    )
    def test_is_one_sentence_and_the_fields(self, problem: Document, text: str) -> None:
        assert problem_text(problem) == text


def order(**changes: Any) -> Document:
    """An order as an import sends it."""
    usual = {
        "source": "stall",
        "number": "1",
        "kind": "sale",
        "status": "delivered",
        "placed_at": "2024-05-01T10:00:00Z",
        "currency": "GBP",
        "lines": [{"sku": "A", "description": None, "quantity": 2, "unit_price": "2.50"}],
        "customer_id": None,
        "shipping_address": None,
    }
    return usual | changes


@pytest.fixture
def delegation(settings: Settings, headers: Headers) -> str:
    """A delegation by somebody in sales."""
    return shop_client.delegate(settings, headers("sales")["Authorization"])
