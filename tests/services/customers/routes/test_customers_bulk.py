"""Many customers in one call over HTTP, on the real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.database import Database

from shared.document import Document

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]

ADDRESS = "/v1/customers/bulk"


class TestRegisterMany:
    def test_gives_a_result_for_each_entry(
        self, http: Client, database: Database[Document]
    ) -> None:
        holder = http.post("/v1/customers", json=person("1", "lee@example.com")).json["id"]
        entries: list[Any] = [
            person("1", "other@example.com"),
            person("2", "LEE@example.com"),
            person("3", "ng@example.com"),
            {"emails": [{"address": "ng@EXAMPLE.com"}]},
            {"emails": [{"address": "new@example.com"}], "last_name": "New"},
            person("3"),
            person("4", "not an address"),
            {"last_name": "Nobody"},
            {"external_id": "5", "colour": "red"},
            None,
            7,
            [],
            person("6") | {"tags": ["a", "a"]},
            person("7"),
        ]

        results = bulk(http, entries)

        assert [result["status"] for result in results] == [
            "unchanged",
            "refused",
            "created",
            "unchanged",
            "created",
            "unchanged",
            "refused",
            "refused",
            "refused",
            "refused",
            "refused",
            "refused",
            "refused",
            "created",
        ]
        assert results[0]["id"] == holder
        assert error_of(results[1]) == ("emails.0.address", holder)
        assert results[3]["id"] == results[5]["id"] == results[2]["id"]
        assert error_of(results[6]) == ("emails.0.address", None)
        assert error_of(results[7]) == ("external_id", None)
        assert error_of(results[8]) == ("colour", None)
        assert error_of(results[12]) == ("tags", None)
        assert database.customers.count_documents({}) == 4

    def test_a_refusal_is_a_problem(self, http: Client) -> None:
        (result,) = bulk(http, [{"external_id": ""}])

        problem = result["problem"]
        assert (problem["type"], problem["status"]) == ("urn:kith:problem:invalid", 422)
        assert "id" not in result

    def test_leaves_those_who_are_there_as_they_are(
        self, http: Client, database: Database[Document]
    ) -> None:
        http.post("/v1/customers", json=person("1") | {"first_name": "Ann"})

        bulk(http, [person("1") | {"first_name": "Bo"}])

        assert database.customers.count_documents({"first_name": "Ann", "version": 1}) == 1

    def test_a_repeat_of_a_refused_entry_names_nobody(
        self, http: Client, database: Database[Document]
    ) -> None:
        http.post("/v1/customers", json=person("1", "lee@example.com"))

        results = bulk(http, [person("2", "lee@example.com"), person("2")])

        created = [result for result in results if result["status"] != "refused"]
        assert all(database.customers.find_one({"_id": result["id"]}) for result in created)

    def test_sends_the_events(self, http: Client, database: Database[Document]) -> None:
        bulk(http, [person("1"), person("2"), person("1")])

        stored = list(database.customers.find({}))
        assert [[entry["name"] for entry in one["outbox"]] for one in stored] == [
            ["CustomerRegistered"] * 2
        ] * 2

    @pytest.mark.parametrize("role", [None, "sales", "admin"])
    def test_who_may(self, http_as: As, role: str | None) -> None:
        answer = http_as(role).post(ADDRESS, json={"batch": "one", "entries": [person("1")]})

        assert answer.status_code == (200 if role else 401)


class TestBatches:
    def test_the_same_one_gets_the_same_answer(
        self, http: Client, database: Database[Document]
    ) -> None:
        http.post("/v1/customers", json=person("0", "lee@example.com"))
        entries = [
            person("1", "ng@example.com"),
            person("1"),
            person("2", "lee@example.com"),
            {"emails": [{"address": "ng@example.com"}]},
            {"emails": [{"address": "new@example.com"}]},
            {"external_id": 3},
        ]

        first, again = bulk(http, entries), bulk(http, entries)

        assert [result["status"] for result in first] == [
            "created",
            "unchanged",
            "refused",
            "unchanged",
            "created",
            "refused",
        ]
        assert again == first
        assert database.customers.count_documents({}) == 3

    def test_another_one_finds_them_there(self, http: Client) -> None:
        entries = [person("1"), person("2")]
        first = bulk(http, entries)

        later = bulk(http, entries, batch="two")

        assert [result["status"] for result in later] == ["unchanged", "unchanged"]
        assert [result["id"] for result in later] == [result["id"] for result in first]

    def test_one_that_grew_says_what_is_new(self, http: Client) -> None:
        bulk(http, [person("1")])

        results = bulk(http, [person("1"), person("2")])

        assert [result["status"] for result in results] == ["created", "created"]

    def test_the_same_one_many_times_at_once(
        self, http_as: As, database: Database[Document]
    ) -> None:
        entries = [person(str(number), f"c{number}@example.com") for number in range(30)]
        clients = [http_as("sales") for _ in range(6)]

        with ThreadPoolExecutor(len(clients)) as pool:
            answers = list(pool.map(lambda client: bulk(client, entries), clients))

        ids = {tuple(result["id"] for result in results) for results in answers}
        assert len(ids) == 1
        assert database.customers.count_documents({}) == len(entries)


class TestLimits:
    def test_takes_a_thousand(self, http: Client, database: Database[Document]) -> None:
        results = bulk(http, [person(str(number)) for number in range(1_000)])

        assert {result["status"] for result in results} == {"created"}
        assert database.customers.count_documents({}) == 1_000

    @pytest.mark.parametrize("count", [0, 1_001])
    def test_takes_no_more_and_no_less_than_one(self, http: Client, count: int) -> None:
        entries = [person(str(number)) for number in range(count)]

        answer = http.post(ADDRESS, json={"batch": "one", "entries": entries})

        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "entries")

    def test_takes_8_mib(self, http: Client, database: Database[Document]) -> None:
        room = 8 * 1024 * 1024
        body = b'{"batch": "one", "entries": [{"external_id": "1"}]}'

        fits = http.post(ADDRESS, data=body.ljust(room), content_type="application/json")
        more = http.post(ADDRESS, data=body.ljust(room + 1), content_type="application/json")

        assert (fits.status_code, more.status_code) == (200, 413)
        assert more.content_type == "application/problem+json"
        assert database.customers.count_documents({}) == 1

    def test_one_alone_may_have_1_mib(self, http: Client) -> None:
        body = b'{"last_name": "Lee"}'.ljust(1024 * 1024 + 1)

        answer = http.post("/v1/customers", data=body, content_type="application/json")

        assert (answer.status_code, answer.json["status"]) == (413, 413)


def person(external_id: str, *addresses: str) -> Document:
    return {"external_id": external_id, "last_name": "Lee"} | (
        {"emails": [{"address": address} for address in addresses]} if addresses else {}
    )


def bulk(http: Client, entries: list[Any], *, batch: str = "one") -> list[Document]:
    answer = http.post(ADDRESS, json={"batch": batch, "entries": entries})
    assert answer.status_code == 200
    results: list[Document] = answer.json["results"]
    assert [result["index"] for result in results] == list(range(len(entries)))
    return results


def error_of(result: Document) -> tuple[str, str | None]:
    (error,) = result["problem"]["errors"]
    return error["field"], error.get("holder")
