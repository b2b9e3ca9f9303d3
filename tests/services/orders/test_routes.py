"""Orders over HTTP, on the real server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openapi_spec_validator import validate
from pymongo.database import Database

from services.orders import operations
from services.orders.repository.copies import CustomerCopyRepository
from services.orders.schemas import OrderSchema
from shared.document import Document
from shared.events.contracts import CustomerDeleted, CustomerRegistered
from shared.identifiers import new_id

Body = Callable[..., dict[str, Any]]
# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]
# A stand-in for the customers service, from conftest.py.
Customers = Any


class TestPlaceOrder:
    def test_answers_with_the_order(self, http: Client, make_body: Body) -> None:
        answer = http.post(
            "/v1/orders", json=make_body(shipping_address={"city": "York", "country": "gb"})
        )

        order = answer.json
        assert answer.status_code == 201
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Location"] == f"orders/{order['id']}"
        assert order["lines"] == [
            {
                "sku": "85123A",
                "description": "T-LIGHT HOLDER",
                "quantity": 2,
                "unit_price": "2.55",
                "subtotal": "5.10",
            }
        ]
        assert (order["total"], order["currency"], order["status"]) == ("5.10", "GBP", "placed")
        assert order["shipping_address"]["country"] == "GB"
        assert order["number"] == order["id"]

    def test_answers_as_documented(self, http: Client, make_body: Body) -> None:
        order = http.post("/v1/orders", json=make_body()).json

        assert order.keys() == OrderSchema().fields.keys()

    def test_takes_history(self, http: Client, make_body: Body) -> None:
        body = make_body(
            number="C536379",
            source="old shop",
            kind="return",
            status="delivered",
            lines=[{"sku": "D", "quantity": -1, "unit_price": "27.5"}],
            total="-27.50",
        )

        answer = http.post("/v1/orders", json=body)

        assert (answer.status_code, answer.json["total"]) == (201, "-27.50")

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"lines": []}, "lines"),
            ({"lines": [{"sku": "a", "quantity": 1, "unit_price": "1"}] * 10_001}, "lines"),
            ({"lines": None}, "lines"),
            ({"lines": ["a"]}, "lines.0"),
            ({"lines": [{"quantity": 1, "unit_price": "1"}]}, "lines.0.sku"),
            ({"lines": [{"sku": "a", "quantity": -1, "unit_price": "1"}]}, "lines.0.quantity"),
            ({"lines": [{"sku": "a", "quantity": 1.5, "unit_price": "1"}]}, "lines.0.quantity"),
            ({"lines": [{"sku": "a", "quantity": True, "unit_price": "1"}]}, "lines.0.quantity"),
            (
                {"lines": [{"sku": "a", "quantity": 10**9 + 1, "unit_price": "1"}]},
                "lines.0.quantity",
            ),
            ({"lines": [{"sku": "a", "quantity": 1, "unit_price": 1.5}]}, "lines.0.unit_price"),
            ({"lines": [{"sku": "a", "quantity": 1, "unit_price": "-1"}]}, "lines.0.unit_price"),
            ({"lines": [{"sku": "a", "quantity": 1, "unit_price": "NaN"}]}, "lines.0.unit_price"),
            (
                {"lines": [{"sku": "a", "quantity": 1, "unit_price": "1", "subtotal": "2"}]},
                "lines.0.subtotal",
            ),
            ({"total": "5.11"}, "total"),
            ({"currency": "XYZ"}, "currency"),
            ({"currency": None}, "currency"),
            ({"kind": "gift"}, "kind"),
            ({"status": "lost"}, "status"),
            ({"customer_id": "17850"}, "customer_id"),
            ({"customer_id": 5}, "customer_id"),
            ({"placed_at": "2999-01-01T00:00:00Z"}, "placed_at"),
            ({"placed_at": "2025-01-01T00:00:00"}, "placed_at"),
            ({"shipping_address": {"country": "XX"}}, "shipping_address.country"),
            ({"shipping_address": {"country": "\u00df"}}, "shipping_address.country"),
            ({"shipping_address": {"label": "home"}}, "shipping_address.label"),
            ({"recorded_at": "2025-01-01T00:00:00Z"}, "recorded_at"),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_names_the_field_that_is_wrong(
        self, http: Client, make_body: Body, fields: Document, field: str
    ) -> None:
        answer = http.post("/v1/orders", json=make_body(**fields))

        assert answer.status_code == 422
        assert field in [error["field"] for error in answer.json["errors"]]

    @pytest.mark.slow
    def test_takes_as_many_lines_as_there_may_be(self, http: Client, make_body: Body) -> None:
        line = {"sku": "a", "description": "d" * 500, "quantity": 1, "unit_price": "0.001"}

        answer = http.post("/v1/orders", json=make_body(lines=[line] * 10_000))

        assert (answer.status_code, answer.json["total"]) == (201, "10.00")

    def test_says_who_has_the_number(self, http: Client, make_body: Body) -> None:
        holder = http.post("/v1/orders", json=make_body(number="536365")).json

        answer = http.post("/v1/orders", json=make_body(number="536365"))

        assert answer.status_code == 409
        assert answer.json["type"] == "urn:kith:problem:order-number-taken"
        assert answer.json["errors"][0]["holder"] == holder["id"]

    def test_a_repeated_request_gets_the_first_answer(
        self, http_as: As, headers: Callable[[str], dict[str, str]], make_body: Body
    ) -> None:
        http, key = http_as(None), headers("sales") | {"Idempotency-Key": "once"}
        first = http.post("/v1/orders", json=make_body(), headers=key)
        http.post(f"/v1/orders/{first.json['id']}/pay", headers=key | {"If-Match": '"1"'})

        again = http.post("/v1/orders", json=make_body(), headers=key)
        other = http.post("/v1/orders", json=make_body(number="2"), headers=key)

        assert (again.status_code, again.json) == (201, first.json)
        assert again.headers["ETag"] == '"1"'
        assert other.status_code == 422


class TestCustomersOfOrders:
    def test_a_customer_without_a_copy_is_asked_for(
        self, http: Client, make_body: Body, customers: Customers
    ) -> None:
        answer = http.post("/v1/orders", json=make_body(customer_id=customers.join()))

        assert answer.status_code == 201

    def test_a_customer_with_a_copy_is_not(
        self, http: Client, make_body: Body, customers: Customers, copies: CustomerCopyRepository
    ) -> None:
        id = new_id()
        operations.keep_copies(
            copies, [CustomerRegistered(customer_id=id, version=1, occurred_at="")]
        )

        answer = http.post("/v1/orders", json=make_body(customer_id=id))

        assert (answer.status_code, customers.questions) == (201, [])

    def test_a_made_up_customer_is_refused(self, http: Client, make_body: Body) -> None:
        answer = http.post("/v1/orders", json=make_body(customer_id=new_id()))

        assert answer.status_code == 422
        assert answer.json["type"] == "urn:kith:problem:no-such-customer"
        assert answer.json["errors"][0]["field"] == "customer_id"

    def test_a_deleted_customer_is_refused(
        self, http: Client, make_body: Body, copies: CustomerCopyRepository
    ) -> None:
        id = new_id()
        operations.keep_copies(copies, [CustomerDeleted(customer_id=id, version=2, occurred_at="")])

        answer = http.post("/v1/orders", json=make_body(customer_id=id))

        assert answer.status_code == 422
        assert answer.json["type"] == "urn:kith:problem:customer-gone"

    def test_nobody_is_refused_while_customers_is_silent(
        self, http: Client, make_body: Body, customers: Customers
    ) -> None:
        customers.silent = True

        answer = http.post("/v1/orders", json=make_body(customer_id=new_id()))

        assert answer.status_code == 201

    def test_a_repeated_request_outlives_its_customer(
        self,
        http_as: As,
        headers: Callable[[str], dict[str, str]],
        make_body: Body,
        customers: Customers,
        copies: CustomerCopyRepository,
    ) -> None:
        http, key, id = (
            http_as(None),
            headers("sales") | {"Idempotency-Key": "once"},
            customers.join(),
        )
        first = http.post("/v1/orders", json=make_body(customer_id=id), headers=key)
        operations.keep_copies(copies, [CustomerDeleted(customer_id=id, version=2, occurred_at="")])

        again = http.post("/v1/orders", json=make_body(customer_id=id), headers=key)

        assert (again.status_code, again.json) == (201, first.json)


class TestPlaceOrders:
    def test_gives_a_result_for_each_entry(
        self, http: Client, make_body: Body, customers: Customers
    ) -> None:
        holder = http.post("/v1/orders", json=make_body(number="1")).json
        entries = [
            make_body(number="1"),
            make_body(number="1", status="paid"),
            make_body(number="2", customer_id=customers.join()),
            make_body(number="3", customer_id=new_id()),
            make_body(number="4", total="1"),
            make_body(number="2"),
            make_body(number="5"),
            make_body(number="5"),
            {"currency": "GBP"},
            7,
        ]

        results = bulk(http, entries)

        assert [result["status"] for result in results] == [
            "unchanged",
            "refused",
            "created",
            "refused",
            "refused",
            "refused",
            "created",
            "unchanged",
            "refused",
            "refused",
        ]
        assert results[0]["id"] == holder["id"]
        assert holder_of(results[1]) == holder["id"]
        assert field_of(results[3]) == "customer_id"
        assert field_of(results[4]) == "total"
        assert holder_of(results[5]) == results[2]["id"]
        assert results[7]["id"] == results[6]["id"]

    def test_the_same_batch_gets_the_same_answer(self, http: Client, make_body: Body) -> None:
        entries = [make_body(number=str(number)) for number in (1, 2, 1)]

        first, again, later = (
            bulk(http, entries),
            bulk(http, entries),
            bulk(http, entries, batch="two"),
        )

        assert first == again
        assert [result["status"] for result in later] == ["unchanged"] * 3

    def test_an_order_that_went_on_is_still_the_same(
        self, http: Client, make_body: Body, database: Database[Document]
    ) -> None:
        (created,) = bulk(http, [make_body(number="1")])
        http.post(f"/v1/orders/{created['id']}/pay", headers={"If-Match": '"1"'})

        (again,) = bulk(http, [make_body(number="1")], batch="two")

        assert again == {"index": 0, "status": "unchanged", "id": created["id"]}
        assert database.orders.count_documents({"status": "paid", "version": 2}) == 1

    def test_asks_for_all_customers_at_once(
        self, http: Client, make_body: Body, customers: Customers
    ) -> None:
        ids = [customers.join() for _ in range(201)]

        results = bulk(http, [make_body(number=id, customer_id=id) for id in ids])

        assert {result["status"] for result in results} == {"created"}
        assert [len(question) for question in customers.questions] == [200, 1]

    def test_a_repeat_of_a_refused_entry_stands_by_itself(
        self, http: Client, make_body: Body
    ) -> None:
        results = bulk(http, [make_body(number="1", customer_id=new_id()), make_body(number="1")])

        assert [result["status"] for result in results] == ["refused", "created"]

    def test_sends_the_events(
        self, http: Client, make_body: Body, database: Database[Document]
    ) -> None:
        bulk(http, [make_body(number="1"), make_body(number="2", status="delivered")])

        stored = list(database.orders.find({}, {"outbox": 1}))
        assert [entry["name"] for order in stored for entry in order["outbox"]] == [
            "OrderPlaced"
        ] * 2

    def test_needs_a_number_and_a_time(self, http: Client, make_body: Body) -> None:
        body = make_body()
        del body["placed_at"]

        (result,) = bulk(http, [body])

        assert {error["field"] for error in result["problem"]["errors"]} == {"number", "placed_at"}

    @pytest.mark.parametrize("count", [0, 1_001])
    def test_takes_1_to_1000_entries(self, http: Client, count: int) -> None:
        answer = http.post("/v1/orders/bulk", json={"batch": "one", "entries": [1] * count})

        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "entries")


class TestSteps:
    def test_lead_to_delivered(
        self, http: Client, make_body: Body, database: Database[Document]
    ) -> None:
        order = http.post("/v1/orders", json=make_body())

        for step in ("pay", "ship", "deliver"):
            tag = {"If-Match": order.headers["ETag"]}
            order = http.post(f"/v1/orders/{order.json['id']}/{step}", headers=tag)

        stored = database.orders.find_one({}) or {}
        assert (order.json["status"], order.headers["ETag"]) == ("delivered", '"4"')
        assert [
            (
                entry["name"],
                entry["data"]["status"],
                entry["data"]["version"],
                entry["data"]["total"],
            )
            for entry in stored["outbox"]
        ] == [
            ("OrderPlaced", "placed", 1, "5.10"),
            ("OrderPaid", "paid", 2, "5.10"),
            ("OrderShipped", "shipped", 3, "5.10"),
            ("OrderDelivered", "delivered", 4, "5.10"),
        ]

    def test_a_wrong_one_says_which_are_open(self, http: Client, make_body: Body) -> None:
        order = http.post("/v1/orders", json=make_body()).json

        answer = http.post(f"/v1/orders/{order['id']}/ship", headers={"If-Match": '"1"'})

        assert (answer.status_code, answer.json["type"]) == (409, "urn:kith:problem:wrong-step")
        assert "pay, cancel" in answer.json["detail"]

    def test_need_the_version(self, http: Client, make_body: Body) -> None:
        address = f"/v1/orders/{http.post('/v1/orders', json=make_body()).json['id']}/cancel"

        assert http.post(address).status_code == 428
        assert http.post(address, headers={"If-Match": '"2"'}).status_code == 412
        assert http.post(address, headers={"If-Match": '"1"'}).json["status"] == "cancelled"
        assert http.post(address, headers={"If-Match": '"1"'}).status_code == 412

    def test_of_an_order_that_is_not_there(self, http: Client) -> None:
        answer = http.post(f"/v1/orders/{new_id()}/pay", headers={"If-Match": '"1"'})

        assert (answer.status_code, answer.json["type"]) == (404, "urn:kith:problem:no-such-order")


class TestGetOrder:
    def test_answers_as_the_post_did(self, http: Client, make_body: Body) -> None:
        placed = http.post("/v1/orders", json=make_body())

        answer = http.get(f"/v1/orders/{placed.json['id']}")

        assert (answer.json, answer.headers["ETag"]) == (placed.json, placed.headers["ETag"])

    def test_says_when_there_is_none(self, http: Client) -> None:
        assert http.get("/v1/orders/none").status_code == 404


class TestSearchOrders:
    def test_pages_newest_first(self, http: Client, make_body: Body) -> None:
        start = datetime(2025, 1, 1, tzinfo=UTC)
        bulk(
            http,
            [
                make_body(number=str(day), placed_at=(start + timedelta(days=day)).isoformat())
                for day in range(5)
            ],
        )

        first = http.get("/v1/orders?limit=2&sku=85123A").json
        second = http.get(f"/v1/orders?limit=2&sku=85123A&cursor={first['next']}").json
        third = http.get(f"/v1/orders?limit=2&sku=85123A&cursor={second['next']}").json

        numbers = [order["number"] for page in (first, second, third) for order in page["items"]]
        assert (numbers, third["next"]) == (["4", "3", "2", "1", "0"], None)

    def test_finds_by_number_source_and_time(self, http: Client, make_body: Body) -> None:
        bulk(
            http,
            [make_body(number="1"), make_body(number="1", source="market"), make_body(number="2")],
        )

        both = http.get("/v1/orders?number=1").json
        one = http.get("/v1/orders?number=1&source=market").json
        none = http.get("/v1/orders?placed_to=2025-01-01T00:00:00Z").json

        assert [order["source"] for order in both["items"]] == ["api", "market"]
        assert [order["source"] for order in one["items"]] == ["market"]
        assert none == {"items": [], "next": None}

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("status=lost", "status"),
            ("placed_from=yesterday", "placed_from"),
            ("placed_from=2025-01-02T00:00:00Z&placed_to=2025-01-01T00:00:00Z", "placed_to"),
            ("placed_from=2025-01-01T00:00:00Z&placed_to=2025-01-01T00:00:00Z", "placed_to"),
            ("limit=201", "limit"),
            ("colour=red", "colour"),
        ],
    )
    def test_names_the_parameter_that_is_wrong(self, http: Client, query: str, field: str) -> None:
        answer = http.get(f"/v1/orders?{query}")

        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)

    def test_a_cursor_is_for_its_own_filters(self, http: Client, make_body: Body) -> None:
        bulk(http, [make_body(number=number) for number in "123"])
        cursor = http.get("/v1/orders?limit=1").json["next"]

        assert http.get(f"/v1/orders?status=placed&cursor={cursor}").status_code == 400


class TestRoles:
    @pytest.mark.parametrize(("role", "status"), [(None, 401), ("sales", 201), ("admin", 201)])
    def test_who_may_place(
        self, http_as: As, make_body: Body, role: str | None, status: int
    ) -> None:
        assert http_as(role).post("/v1/orders", json=make_body()).status_code == status

    @pytest.mark.parametrize(
        ("method", "address"),
        [
            ("GET", "/v1/orders"),
            ("GET", "/v1/orders/x"),
            ("POST", "/v1/orders/bulk"),
            ("POST", "/v1/orders/x/pay"),
            ("POST", "/v1/orders/x/ship"),
            ("POST", "/v1/orders/x/deliver"),
            ("POST", "/v1/orders/x/cancel"),
        ],
    )
    def test_nobody_unknown_gets_in(self, http_as: As, method: str, address: str) -> None:
        assert http_as(None).open(address, method=method).status_code == 401

    def test_orders_are_not_deleted(self, http_as: As) -> None:
        answer = http_as("admin").delete(f"/v1/orders/{new_id()}")

        assert answer.status_code == 405


class TestDocument:
    def test_is_valid(self, http: Client) -> None:
        document = http.get("/openapi.json").json

        validate(document)
        assert {
            "/v1/orders",
            "/v1/orders/bulk",
            "/v1/orders/{id}",
            "/v1/orders/{id}/pay",
        } <= document["paths"].keys()

    def test_names_only_what_it_holds(self, http: Client) -> None:
        document = http.get("/openapi.json").json

        missing = set(references(document)) - document["components"]["schemas"].keys()
        assert missing == set()


def bulk(http: Client, entries: list[Any], *, batch: str = "one") -> list[Document]:
    answer = http.post("/v1/orders/bulk", json={"batch": batch, "entries": entries})
    assert answer.status_code == 200
    results: list[Document] = answer.json["results"]
    assert [result["index"] for result in results] == list(range(len(entries)))
    return results


def holder_of(result: Document) -> str:
    return str(result["problem"]["errors"][0]["holder"])


def field_of(result: Document) -> str:
    return str(result["problem"]["errors"][0]["field"])


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        database = [node["$ref"].rsplit("/", 1)[1]] if "/schemas/" in str(node.get("$ref")) else []
        return database + [name for inner in node.values() for name in references(inner)]
    return [name for inner in node for name in references(inner)] if isinstance(node, list) else []
