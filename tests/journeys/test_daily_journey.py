"""A day in the shop, on running processes."""

import re
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import requests
from openapi_spec_validator import validate

from shared.settings import PORTS
from tests.journeys import readme
from tests.journeys.system import Json, Person, System, wait_for

NewCustomer = Callable[..., requests.Response]

# What the journal of somebody has to tell with whom everything has happened. They looked at a page
# before they were known.
TOLD = [
    "page_viewed",
    "consent_given",
    "customer_created",
    "consent_withdrawn",
    "customer_changed",
    "order_placed",
    "order_paid",
    "order_shipped",
    "order_delivered",
    "order_placed",
    "order_cancelled",
    "order_returned",
    "imported",
    "product_viewed",
    "note",
    "call",
    "email",
    "meeting",
    "customer_deleted",
]


class TestSelling:
    def test_an_order_can_follow_its_customer_at_once(
        self, sales: Person, new_customer: NewCustomer
    ) -> None:
        answers = []
        for _ in range(20):
            customer = new_customer().json()
            answers.append(place(sales, customer["id"]))

        assert [answer.status_code for answer in answers] == [201] * 20

    def test_an_order_goes_from_placed_to_delivered(
        self, sales: Person, new_customer: NewCustomer
    ) -> None:
        order = place(sales, new_customer().json()["id"])

        too_early = step(sales, order, "ship")
        steps = [order]
        for name in ("pay", "ship", "deliver"):
            steps.append(step(sales, steps[-1], name))
        too_late = step(sales, steps[-1], "cancel")

        assert [each.json()["status"] for each in steps] == [
            "placed",
            "paid",
            "shipped",
            "delivered",
        ]
        assert (too_early.status_code, too_late.status_code) == (409, 409)

    def test_purchases_follow_the_orders(self, sales: Person, new_customer: NewCustomer) -> None:
        customer = new_customer().json()
        assert customer["purchases"]["orders"] == 0
        kept, called_off = (place(sales, customer["id"]) for _ in range(2))
        place(sales, customer["id"], kind="return", quantity=-1)

        assert step(sales, called_off, "cancel").json()["status"] == "cancelled"

        wait_for(
            lambda: purchases(sales, customer["id"]) == (1, 1, Decimal("2.55")),
            "one order and one return among the purchases",
        )
        found = sales.get("customers", f"/v1/customers/{customer['id']}")["purchases"]
        assert found["totals"] == [{"amount": "2.55", "currency": "GBP"}]
        assert found["first_order_at"] == found["last_order_at"] == kept.json()["placed_at"]


class TestCustomers:
    def test_a_change_names_the_version_that_it_is_meant_for(
        self, sales: Person, new_customer: NewCustomer
    ) -> None:
        created = new_customer()
        tag, path = created.headers["ETag"], f"/v1/customers/{created.json()['id']}"

        def change(**headers: str) -> requests.Response:
            body = {"company": "Lee & Daughters"}
            return sales.call("PATCH", "customers", path, json=body, headers=headers)

        unsaid, done, outdated = change(), change(**{"If-Match": tag}), change(**{"If-Match": tag})

        assert (unsaid.status_code, done.status_code, outdated.status_code) == (428, 200, 412)
        assert sales.get("customers", path)["company"] == "Lee & Daughters"

    def test_only_an_admin_deletes_and_nobody_orders_for_the_deleted(
        self, sales: Person, admin: Person, new_customer: NewCustomer
    ) -> None:
        created = new_customer()
        id, tag = created.json()["id"], {"If-Match": created.headers["ETag"]}
        path = f"/v1/customers/{id}"
        assert place(sales, id).status_code == 201

        by_sales = sales.call("DELETE", "customers", path, headers=tag)
        # What they have bought may have changed the tag meanwhile, but not the version.
        by_admin = admin.call("DELETE", "customers", path, headers=tag)

        assert (by_sales.status_code, by_admin.status_code) == (403, 204)
        assert sales.call("GET", "customers", path).status_code == 404
        wait_for(
            lambda: refusal(place(sales, id)) == "urn:kith:problem:customer-gone",
            "orders knows that the customer is gone",
        )
        assert place(sales, id).json()["errors"][0]["field"] == "customer_id"


class TestJournal:
    def test_tells_everything_once_and_in_order(
        self, sales: Person, admin: Person, new_customer: NewCustomer
    ) -> None:
        sales.post("customers", "/v1/activity", views({"visitor_id": "c0ffee"}))
        created = new_customer(external_id=uuid4().hex, channels={"email": True})
        customer, tag = created.json(), {"If-Match": created.headers["ETag"]}
        path = f"/v1/customers/{customer['id']}"
        changes = {"tags": ["vip"], "channels": {"email": False}}
        tag = {
            "If-Match": sales.call("PATCH", "customers", path, json=changes, headers=tag).headers[
                "ETag"
            ]
        }
        order = place(sales, customer["id"])
        for name in ("pay", "ship", "deliver"):
            order = step(sales, order, name)
        step(sales, place(sales, customer["id"]), "cancel")
        place(sales, customer["id"], kind="return", quantity=-1)
        again = {"batch": "again", "entries": [{"external_id": customer["external_id"]}]}
        sales.post("customers", "/v1/customers/bulk", again)
        identify = {"customer_id": customer["id"]}
        sales.call("PUT", "customers", "/v1/visitors/c0ffee", json=identify)
        sales.post("customers", "/v1/activity", views(identify, kind="product", sku="MUG-01"))
        for kind in ("note", "call", "email", "meeting"):
            entry = {"kind": kind, "summary": "Said hello."}
            assert sales.post("customers", f"{path}/journal", entry).status_code == 201

        assert admin.call("DELETE", "customers", path, headers=tag).status_code == 204

        wait_for(lambda: len(journal(admin, path)) >= len(TOLD), "the whole journal")
        told = journal(admin, path)
        assert [entry["kind"] for entry in reversed(told)] == TOLD
        assert {(entry["actor"] or {}).get("role") for entry in told} == {None, "sales", "admin"}
        assert sales.call("GET", "customers", f"{path}/journal").status_code == 404


class TestStaff:
    def test_a_new_role_voids_the_old_tokens_within_five_seconds(
        self, kith: System, admin: Person, register: Callable[[], Json]
    ) -> None:
        user = register()
        sales = kith.sign_in(user["email"], user["password"])
        paths = {
            "accounts": "/v1/users/me",
            "customers": "/v1/customers",
            "orders": "/v1/orders",
            "imports": "/v1/imports",
        }
        assert answers(sales, paths) == dict.fromkeys(paths, 200)

        changed = admin.call(
            "PATCH",
            "accounts",
            f"/v1/users/{user['id']}",
            json={"role": "admin"},
            headers={"If-Match": '"1"'},
        )
        changed_at = time.monotonic()
        # The services are kept asking, so that each has keys of its own age when the time is up.
        while time.monotonic() < changed_at + 5:
            answers(sales, paths)

        assert changed.status_code == 200
        assert answers(sales, paths) == dict.fromkeys(paths, 401)
        again = kith.sign_in(user["email"], user["password"])
        assert again.get("accounts", "/v1/users/me")["role"] == "admin"

    def test_nobody_sees_anything_without_a_token(self, kith: System) -> None:
        nobody = Person(kith.ports)
        paths = {"customers": "/v1/customers", "orders": "/v1/orders", "imports": "/v1/imports"}

        assert answers(nobody, paths) == dict.fromkeys(paths, 401)


class TestTour:
    def test_of_the_readme_works_as_it_is_pasted(self, kith: System) -> None:
        with readme.shell(kith) as shell:
            printed = []
            for block in readme.tour(kith):
                # Whoever reads between two blocks is slower than events are.
                wait_for(lambda: kith.waiting_events() == 0, "all events are handled")
                printed.append(shell.paste(block))

        helpers, token, found, paid, journal, gone = printed
        assert "urn:kith:problem" not in "".join(printed)
        assert (helpers, token) == ("", "")
        assert '"last_name":"Müller"' in found
        assert '"status":"paid"' in paid
        assert '"totals":[{"amount":"15.00","currency":"EUR"}]' in journal
        assert re.search('"items":.*"call".*"order_paid".*"order_placed".*created', journal)
        assert '"tags":["vip"]' in gone
        assert "204 No Content" in gone


class TestServices:
    @pytest.mark.parametrize("service", PORTS)
    def test_describe_themselves(self, kith: System, service: str) -> None:
        nobody = Person(kith.ports)

        page = nobody.call("GET", service, "/docs")
        parts = ("swagger-ui.css", "swagger-ui-bundle.js", "start.js")

        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        for part in parts:
            assert f"docs/{part}" in page.text
            assert nobody.call("GET", service, f"/docs/{part}").status_code == 200
        validate(nobody.get(service, "/openapi.json"))

    @pytest.mark.parametrize("service", PORTS)
    def test_say_that_they_are_well(self, kith: System, service: str) -> None:
        nobody = Person(kith.ports)

        assert nobody.get(service, "/health/live") == {"status": "alive"}
        assert nobody.get(service, "/health/ready") == {"status": "ready"}
        assert nobody.call("GET", service, "/metrics").status_code == 401
        assert "http_request_seconds" in kith.admin().call("GET", service, "/metrics").text

    def test_come_back_when_they_are_killed(self, kith: System, sales: Person) -> None:
        before = kith.pids("web", "customers")
        kith.kill("web", "customers")

        wait_for(lambda: kith.pids("web", "customers") - before, "a new process")
        wait_for(lambda: is_answered(sales), "the customers service answers again")

        assert not kith.pids("web", "customers") & before
        assert f"was ended by {signal.SIGKILL.name}" in kith.log.read_text(errors="replace")

    def test_come_back_when_one_of_their_processes_is_killed(
        self, kith: System, sales: Person, new_customer: NewCustomer
    ) -> None:
        customer = new_customer().json()
        for kind in ("worker", "relay"):
            for service in ("customers", "orders"):
                kith.kill(kind, service)

        assert place(sales, customer["id"]).status_code == 201

        wait_for(lambda: purchases(sales, customer["id"])[0] == 1, "the order among the purchases")


def views(of: Json, **fields: str) -> Json:
    """One view of the shop's website, of a page unless told."""
    return {"batch": uuid4().hex, "entries": [{"kind": "page", "url": "/mugs", **of, **fields}]}


def journal(person: Person, path: str) -> list[Json]:
    """The journal of a customer, the latest first."""
    found: list[Json] = person.get("customers", f"{path}/journal?limit=200")["items"]
    return found


def place(
    sales: Person, customer_id: str, *, kind: str = "sale", quantity: int = 2
) -> requests.Response:
    """Place an order, or record a return, at 2.55 a piece."""
    line = {"sku": "85123A", "quantity": quantity, "unit_price": "2.55"}
    body = {"customer_id": customer_id, "kind": kind, "currency": "GBP", "lines": [line]}
    return sales.post("orders", "/v1/orders", body)


def step(sales: Person, order: requests.Response, name: str) -> requests.Response:
    """Take an order one step further from where it was when it was answered so."""
    path = f"/v1/orders/{order.json()['id']}/{name}"
    return sales.call("POST", "orders", path, headers={"If-Match": order.headers["ETag"]})


def purchases(sales: Person, customer_id: str) -> tuple[int, int, Decimal]:
    """The orders, returns and pounds among what a customer has bought."""
    found = sales.get("customers", f"/v1/customers/{customer_id}")["purchases"]
    total = sum((Decimal(each["amount"]) for each in found["totals"]), Decimal(0))
    return found["orders"], found["returns"], total


def refusal(answer: requests.Response) -> str | None:
    """The kind of the refusal, if it is one."""
    kind: str = answer.json().get("type")
    return kind if answer.status_code == 422 else None


def answers(person: Person, paths: dict[str, str]) -> dict[str, int]:
    """The status with which each service answers somebody."""
    return {
        service: person.call("GET", service, path).status_code for service, path in paths.items()
    }


def is_answered(person: Person) -> bool:
    """Whether the customers service answers."""
    try:
        return person.call("GET", "customers", "/v1/customers").status_code == 200
    except requests.ConnectionError:
        return False


@pytest.fixture
def new_customer(sales: Person) -> NewCustomer:
    """`new_customer(**details)`: register somebody who was never here before."""

    def make(**details: Any) -> requests.Response:
        email = {"address": f"{uuid4().hex}@example.com"}
        body = {"first_name": "Ann", "last_name": "Lee", "emails": [email], **details}
        answer = sales.post("customers", "/v1/customers", body)
        assert answer.status_code == 201, answer.text
        return answer

    return make


@pytest.fixture
def sales(kith: System, register: Callable[[], Json]) -> Person:
    """A new member of staff, signed in."""
    user = register()
    return kith.sign_in(user["email"], user["password"])


@pytest.fixture
def register(admin: Person) -> Callable[[], Json]:
    """`register()`: the admin registers somebody for sales; gives the user, password included."""

    def make() -> Json:
        password = uuid4().hex
        body = {"email": f"{uuid4().hex}@shop.example", "name": "Sal", "role": "sales"}
        answer = admin.post("accounts", "/v1/users", {**body, "password": password})
        assert answer.status_code == 201, answer.text
        return {**answer.json(), "password": password}

    return make
