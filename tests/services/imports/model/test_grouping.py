from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from services.imports.model.grouping import (
    MAX_ADDRESSES,
    MAX_CONTACTS,
    build_customer,
    build_order,
    customer_key,
)
from services.imports.model.lines import Buyer, Place, Unfit

EARLY = datetime(2024, 1, 1, tzinfo=UTC)
SOURCE = "shop"
LATE = datetime(2024, 12, 1, tzinfo=UTC)


class TestCustomerKey:
    @pytest.mark.parametrize(
        ("buyer", "key"),
        [
            (None, None),
            (Buyer(external_id="7", emails=("a@example.com",)), "id:7"),
            (Buyer(emails=("Ada@example.com", "b@example.com")), "email:ada@example.com"),
            (Buyer(last_name="Lovelace", phones=("+442079460018",)), None),
        ],
    )
    def test_is_id_then_email_then_none(
        self, make_line: Any, buyer: Buyer | None, key: str | None
    ) -> None:
        assert customer_key(make_line(buyer=buyer)) == key


class TestBuildOrder:
    def test_makes_what_the_orders_service_takes(self, make_line: Any) -> None:
        lines = [make_line(), make_line(sku="B-2", description="", unit_price=Decimal("0.001"))]

        order = build_order(lines, SOURCE)

        assert order == {
            "source": "shop",
            "number": "1001",
            "kind": "sale",
            "status": "delivered",
            "placed_at": "2024-05-01T10:00:00Z",
            "currency": "GBP",
            "lines": [
                {"sku": "A-1", "description": "Lantern", "quantity": 2, "unit_price": "2.50"},
                {"sku": "B-2", "description": None, "quantity": 2, "unit_price": "0.001"},
            ],
            "customer_key": "id:7",
            "shipping_address": {
                "line1": None,
                "line2": None,
                "city": "Berlin",
                "region": None,
                "postcode": None,
                "country": "DE",
            },
        }
        assert orjson.loads(orjson.dumps(order)) == order

    def test_keeps_repeated_lines_and_their_order(self, make_line: Any) -> None:
        lines = [make_line(sku=sku) for sku in ("B", "A", "B")]

        order = build_order(lines, SOURCE)

        assert [line["sku"] for line in order["lines"]] == ["B", "A", "B"]

    def test_is_placed_at_the_earliest_time(self, make_line: Any) -> None:
        lines = [make_line(placed_at=LATE), make_line(placed_at=EARLY)]

        assert build_order(lines, SOURCE)["placed_at"] == "2024-01-01T00:00:00Z"

    def test_is_a_guests_without_a_customer(self, make_line: Any) -> None:
        order = build_order([make_line(buyer=None, place=None)], SOURCE)

        assert (order["customer_key"], order["shipping_address"]) == (None, None)

    def test_is_a_customers_if_any_row_says_so(self, make_line: Any) -> None:
        lines = [make_line(buyer=None), make_line()]

        assert build_order(lines, SOURCE)["customer_key"] == "id:7"

    def test_names_an_article_by_its_text_where_it_has_no_number(self, make_line: Any) -> None:
        lines = [make_line(sku="", description="x" * 99 + " y"), make_line(sku="", description="")]

        order = build_order(lines, SOURCE)

        assert [line["sku"] for line in order["lines"]] == ["x" * 99, "-"]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"currency": "EUR"}, 'The rows of "1001" have several currencies: GBP, EUR.'),
            (
                {"buyer": Buyer(external_id="8")},
                'The rows of "1001" have several customers: id:7, id:8.',
            ),
            ({"kind": "return"}, 'The rows of "1001" have several kinds: sale, return.'),
        ],
    )
    def test_refuses_rows_that_contradict_each_other(
        self, make_line: Any, change: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(Unfit) as unfit:
            build_order([make_line(), make_line(**change)], SOURCE)

        assert str(unfit.value) == reason


class TestBuildCustomer:
    def test_makes_what_the_customers_service_takes(self, make_line: Any) -> None:
        buyer = Buyer(
            external_id="7",
            first_name="Ada",
            last_name="Lovelace",
            company="Engines Ltd",
            emails=("ada@example.com",),
            phones=("+442079460018",),
        )

        customer = build_customer([make_line(buyer=buyer, place=Place(country="GB"))])

        nowhere = dict.fromkeys(("label", "line1", "line2", "city", "region", "postcode"))
        assert customer == {
            "external_id": "7",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "company": "Engines Ltd",
            "emails": [{"address": "ada@example.com", "label": None}],
            "phones": [{"number": "+442079460018", "label": None}],
            "addresses": [nowhere | {"country": "GB"}],
        }

    def test_has_the_latest_names(self, make_line: Any) -> None:
        new = make_line(buyer=Buyer(external_id="7", last_name="King"), placed_at=LATE)
        old = make_line(
            buyer=Buyer(external_id="7", first_name="Ada", last_name="Byron", company="Engines"),
            placed_at=EARLY,
        )

        customer = build_customer([new, old])

        names = (customer["first_name"], customer["last_name"], customer["company"])
        assert names == (None, "King", "Engines")

    def test_has_everything_else_once(self, make_line: Any) -> None:
        buyers = [
            Buyer(emails=("a@example.com",)),
            Buyer(emails=("A@example.com", "b@example.com"), phones=("+442079460018",)),
            Buyer(emails=("b@example.com",), phones=("+442079460018",)),
        ]

        customer = build_customer([make_line(buyer=buyer) for buyer in buyers])

        assert [email["address"] for email in customer["emails"]] == [
            "a@example.com",
            "b@example.com",
        ]
        assert [phone["number"] for phone in customer["phones"]] == ["+442079460018"]
        assert [address["city"] for address in customer["addresses"]] == ["Berlin"]

    def test_keeps_the_latest_of_more_than_are_taken(self, make_line: Any) -> None:
        lines = [
            make_line(
                buyer=Buyer(emails=(f"a{number}@example.com",)), place=Place(city=str(number))
            )
            for number in range(60)
        ]

        customer = build_customer(lines)

        assert len(customer["emails"]) == MAX_CONTACTS
        assert len(customer["addresses"]) == MAX_ADDRESSES
        assert customer["addresses"][-1]["city"] == "59"
