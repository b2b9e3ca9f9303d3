"""Changing and deleting a customer over HTTP, on the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.database import Database

from services.customers.repository.customers import CustomerRepository
from services.customers.repository.ledger import NO_PURCHASES
from shared.document import Document
from shared.identifiers import new_id

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]

LEE: Document = {
    "external_id": "17850",
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Lee & Co",
    "emails": [{"address": "ann@example.com"}],
    "tags": ["vip", "b2b"],
    "preferences": {"newsletter": True},
}


class TestChange:
    def test_changes_what_is_sent_and_nothing_else(self, http: Client) -> None:
        before = http.post("/v1/customers", json=LEE).json
        changes: Document = {"company": None, "tags": ["new"], "preferences": {}}

        answer = http.patch(
            f"/v1/customers/{before['id']}", json=changes, headers={"If-Match": '"1.0"'}
        )

        after = answer.json
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"2.0"')
        assert after == before | changes | {"updated_at": after["updated_at"]}
        assert after["updated_at"] >= before["updated_at"]

    def test_tells_the_other_services(self, http: Client, database: Database[Document]) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]

        http.patch(f"/v1/customers/{id}", json={"last_name": "Ng"}, headers={"If-Match": '"1.0"'})

        stored = database.customers.find_one({"_id": id}) or {}
        assert [
            (entry["to"], entry["name"], entry["data"]["version"])
            for entry in stored["outbox"]
            if entry["to"] == "orders"
        ] == [
            ("orders", "CustomerRegistered", 1),
            ("orders", "CustomerChanged", 2),
        ]

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    def test_needs_the_version(self, http_as: As, method: str) -> None:
        http = http_as("admin")
        address = f"/v1/customers/{http.post('/v1/customers', json=LEE).json['id']}"

        def send(**headers: str) -> Any:
            return http.open(address, method=method, json={"first_name": "Bo"}, headers=headers)

        assert send().status_code == 428
        for outdated in ('"2"', '"0"', '"1', "1", 'W/"1"', '"2", "3"', '"' + "9" * 19 + '"'):
            assert send(**{"If-Match": outdated}).status_code == 412
        assert send(**{"If-Match": '"1"'}).status_code in {200, 204}

    @pytest.mark.parametrize("named", ["*", '"7", "1.0"', 'W/"1", "1"'])
    def test_takes_several_versions_or_any(self, http: Client, named: str) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]

        answer = http.patch(
            f"/v1/customers/{id}", json={"first_name": "Bo"}, headers={"If-Match": named}
        )

        assert (answer.status_code, answer.headers["ETag"]) == (200, '"2.0"')

    def test_on_any_version_loses_none_of_twenty_at_once(
        self, http_as: As, database: Database[Document]
    ) -> None:
        clients = [http_as("sales") for _ in range(20)]
        id = clients[0].post("/v1/customers", json=LEE).json["id"]

        answers = at_once(
            lambda index: clients[index].patch(
                f"/v1/customers/{id}",
                json={"first_name": f"Ann {index}"},
                headers={"If-Match": "*"},
            ),
            len(clients),
        )

        stored = database.customers.find_one({"_id": id}) or {}
        assert [answer.status_code for answer in answers] == [200] * 20
        assert stored["version"] == 21

    def test_of_one_with_characters_that_are_refused_today(
        self, http: Client, database: Database[Document]
    ) -> None:
        before = http.post("/v1/customers", json=LEE).json
        database.customers.update_one(
            {"_id": before["id"]}, {"$set": {"last_name": "Lee\u202e", "company": "\u200fLee"}}
        )

        answer = http.patch(
            f"/v1/customers/{before['id']}", json={"tags": []}, headers={"If-Match": '"1.0"'}
        )

        assert answer.status_code == 200
        assert (answer.json["last_name"], answer.json["tags"]) == ("Lee\u202e", [])

    def test_bears_with_orders_that_came_meanwhile(
        self, http: Client, customers: CustomerRepository
    ) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]
        customers.set_purchases(id, NO_PURCHASES, revision=0)

        answer = http.patch(f"/v1/customers/{id}", json={}, headers={"If-Match": '"1.0"'})

        assert (answer.status_code, answer.headers["ETag"]) == (200, '"2.1"')

    def test_the_last_identifier_stays(self, http: Client) -> None:
        id = http.post("/v1/customers", json={"last_name": "Lee"}).json["id"]

        answer = http.patch(
            f"/v1/customers/{id}", json={"last_name": None}, headers={"If-Match": '"1"'}
        )

        assert (answer.status_code, answer.json["type"]) == (
            422,
            "urn:kith:problem:not-identifiable",
        )

    def test_an_address_belongs_to_one(self, http: Client) -> None:
        holder = http.post("/v1/customers", json=LEE).json
        id = http.post("/v1/customers", json={"last_name": "Ng"}).json["id"]

        answer = http.patch(
            f"/v1/customers/{id}",
            json={"emails": [{"address": "ANN@example.com"}]},
            headers={"If-Match": '"1"'},
        )

        (error,) = answer.json["errors"]
        assert (answer.status_code, error["holder"]) == (409, holder["id"])

    def test_an_own_address_may_stay(self, http: Client) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]
        both = [{"address": "new@example.com"}, {"address": "ann@example.com"}]

        answer = http.patch(
            f"/v1/customers/{id}", json={"emails": both}, headers={"If-Match": '"1"'}
        )

        assert answer.status_code == 200

    def test_of_nobody_is_refused(self, http: Client) -> None:
        answer = http.patch(f"/v1/customers/{new_id()}", json={}, headers={"If-Match": '"1"'})

        assert (answer.status_code, answer.json["type"]) == (
            404,
            "urn:kith:problem:no-such-customer",
        )

    def test_twenty_at_once_with_one_version_make_one_change(
        self, http_as: As, database: Database[Document]
    ) -> None:
        clients = [http_as("sales") for _ in range(20)]
        id = clients[0].post("/v1/customers", json=LEE).json["id"]

        answers = at_once(
            lambda index: clients[index].patch(
                f"/v1/customers/{id}",
                json={"first_name": f"Ann {index}"},
                headers={"If-Match": '"1.0"'},
            ),
            len(clients),
        )

        (won,) = [answer for answer in answers if answer.status_code == 200]
        stored = database.customers.find_one({"_id": id}) or {}
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
        assert (stored["first_name"], stored["version"]) == (won.json["first_name"], 2)
        assert [entry["data"]["version"] for entry in stored["outbox"]] == [1, 1, 2, 2]


class TestDelete:
    def test_leaves_nobody(self, http_as: As) -> None:
        http = http_as("admin")
        address = f"/v1/customers/{http.post('/v1/customers', json=LEE).json['id']}"

        answer = http.delete(address, headers={"If-Match": '"1.0"'})

        assert (answer.status_code, answer.data) == (204, b"")
        assert http.get(address).status_code == 404
        for again in (http.delete, http.patch):
            refused = again(address, json={}, headers={"If-Match": '"2"'})
            assert refused.status_code == 404

    def test_frees_address_and_external_id(self, http_as: As) -> None:
        http = http_as("admin")
        old = http.post("/v1/customers", json=LEE).json["id"]
        http.delete(f"/v1/customers/{old}", headers={"If-Match": '"1"'})

        answer = http.post("/v1/customers", json=LEE)

        assert answer.status_code == 201
        assert answer.json["id"] != old

    def test_tells_the_other_services(self, http_as: As, database: Database[Document]) -> None:
        http = http_as("admin")
        id = http.post("/v1/customers", json=LEE).json["id"]

        http.delete(f"/v1/customers/{id}", headers={"If-Match": '"1"'})

        stored = database.customers.find_one({"_id": id}) or {}
        assert [
            (entry["name"], entry["data"]["version"])
            for entry in stored["outbox"]
            if entry["to"] == "orders"
        ] == [("CustomerRegistered", 1), ("CustomerDeleted", 2)]


def at_once(ask: Callable[[int], Any], count: int) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))
