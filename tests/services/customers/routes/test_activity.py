"""What the shop's website tells over HTTP, on the real server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from services.customers import worker
from services.customers.schemas.activity import VisitorSchema
from shared.document import Document
from shared.events.contracts import VisitorTied
from shared.identifiers import new_id
from shared.settings import load

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]
Register = Callable[[], str]
Delete = Callable[[str], None]

ADDRESS = "/v1/activity"
PAGE: Document = {"kind": "page", "url": "/mugs", "title": "Mugs"}
PRODUCT: Document = {"kind": "product", "sku": "MUG-01"}


class TestRecord:
    def test_takes_views_of_a_customer_into_the_journal(self, http: Client, lee: str) -> None:
        of_lee = {"customer_id": lee, "at": "2025-06-01T12:00:00Z"}

        answer = tell(http, [PAGE | of_lee, PRODUCT | of_lee])

        assert statuses(answer) == ["created"] * 2
        found = {entry["kind"]: entry for entry in journal(http, lee)}
        assert found.keys() == {"page_viewed", "product_viewed"}
        assert found["page_viewed"]["summary"] == "Looked at the page Mugs."
        assert found["page_viewed"]["data"] == {"url": "/mugs", "title": "Mugs", "batch": "one"}
        assert found["product_viewed"]["data"] == {"sku": "MUG-01", "batch": "one"}
        assert {entry["source"] for entry in found.values()} == {"website"}
        assert {entry["actor"] for entry in found.values()} == {None}
        assert {entry["at"] for entry in found.values()} == {"2025-06-01T12:00:00Z"}
        assert {one["id"] for one in answer.json["results"]} == {
            entry["id"] for entry in found.values()
        }

    def test_keeps_views_of_a_visitor_aside(
        self, http: Client, database: Database[Document], lee: str
    ) -> None:
        answer = tell(http, [PAGE | {"visitor_id": "v-1"}])

        assert statuses(answer) == ["created"]
        assert database.views.count_documents({"visitor_id": "v-1"}) == 1
        assert journal(http, lee) == []

    def test_takes_views_of_a_visitor_who_is_known_into_the_journal(
        self, http: Client, lee: str
    ) -> None:
        identify(http, "v-1", lee)

        tell(http, [PAGE | {"visitor_id": "v-1"}])

        assert [entry["data"]["visitor_id"] for entry in journal(http, lee)] == ["v-1"]

    def test_ties_a_visitor_who_signs_in(
        self, http: Client, database: Database[Document], lee: str
    ) -> None:
        tell(http, [PAGE | {"visitor_id": "v-1"}], batch="before")

        tell(http, [PRODUCT | {"visitor_id": "v-1", "customer_id": lee}], batch="after")
        handle(database)

        assert http.get("/v1/visitors/v-1").json["customer_id"] == lee
        assert {entry["kind"] for entry in journal(http, lee)} == {"page_viewed", "product_viewed"}

    def test_does_not_tie_a_visitor_who_is_another(
        self, http: Client, lee: str, register: Register
    ) -> None:
        ann = register()
        identify(http, "v-1", lee)

        answer = tell(http, [PAGE | {"visitor_id": "v-1", "customer_id": ann}])

        assert statuses(answer) == ["created"]
        assert http.get("/v1/visitors/v-1").json["customer_id"] == lee
        assert (len(journal(http, ann)), len(journal(http, lee))) == (1, 0)

    def test_refuses_an_entry_and_takes_the_rest(self, http: Client, lee: str) -> None:
        later = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        of_lee = {"customer_id": lee}

        answer = tell(
            http,
            [
                PAGE,
                PAGE | {"customer_id": new_id()},
                {"kind": "page", **of_lee},
                {"kind": "product", "url": "/mugs", **of_lee},
                PAGE | {"at": later, **of_lee},
                PAGE | {"visitor_id": "a b"},
                PAGE | of_lee,
                None,
            ],
        )

        wrong = {
            result["index"]: [error["field"] for error in result["problem"]["errors"]]
            for result in answer.json["results"]
            if result["status"] == "refused"
        }
        assert wrong == {
            0: ["customer_id", "visitor_id"],
            1: ["customer_id"],
            2: ["url"],
            3: ["sku"],
            4: ["at"],
            5: ["visitor_id"],
            7: ["body"],
        }
        assert len(journal(http, lee)) == 1

    def test_refuses_views_of_who_is_gone(self, http_as: As, gone: str) -> None:
        answer = tell(http_as("admin"), [PAGE | {"customer_id": gone}])

        assert statuses(answer) == ["refused"]

    def test_says_anew_who_a_visitor_is_whose_customer_is_gone(
        self,
        http: Client,
        database: Database[Document],
        lee: str,
        register: Register,
        delete: Delete,
    ) -> None:
        identify(http, "v-1", lee)
        delete(lee)
        tell(http, [PRODUCT | {"visitor_id": "v-1"}])
        ann = register()

        tell(http, [PAGE | {"visitor_id": "v-1", "customer_id": ann}], batch="later")
        handle(database)

        assert http.get("/v1/visitors/v-1").json["customer_id"] == ann
        kinds = [entry["kind"] for entry in journal(http, ann)]
        assert sorted(kinds) == ["page_viewed", "product_viewed"]

    def test_keeps_views_of_a_visitor_aside_whose_customer_is_gone(
        self, http_as: As, lee: str, delete: Delete
    ) -> None:
        http = http_as("admin")
        identify(http, "v-1", lee)
        delete(lee)

        answer = tell(http, [PAGE | {"visitor_id": "v-1"}])

        assert statuses(answer) == ["created"]
        assert [entry["kind"] for entry in journal(http, lee)] == []

    @pytest.mark.parametrize("role", [None, "sales", "admin"])
    def test_who_may(self, http_as: As, role: str | None) -> None:
        answer = tell(http_as(role), [PAGE | {"visitor_id": "v-1"}])

        assert answer.status_code == (200 if role else 401)


class TestToldTwice:
    def test_under_one_batch_it_gets_the_same_answer(self, http: Client, lee: str) -> None:
        views = [
            PAGE | {"customer_id": lee},
            PAGE | {"customer_id": lee},
            PAGE | {"visitor_id": "v"},
        ]

        first, again = tell(http, views), tell(http, views)

        assert first.json == again.json
        assert statuses(again) == ["created"] * 3
        assert len(journal(http, lee)) == 2

    def test_by_its_own_id_it_counts_once(
        self, http: Client, database: Database[Document], lee: str
    ) -> None:
        views = [
            PAGE | {"id": "1", "customer_id": lee},
            PAGE | {"id": "2", "visitor_id": "v-1"},
            PAGE | {"id": "1", "customer_id": lee},
        ]

        first, again = tell(http, views), tell(http, views, batch="two")

        assert statuses(first) == ["created", "created", "unchanged"]
        assert statuses(again) == ["unchanged"] * 3
        assert (len(journal(http, lee)), database.views.count_documents({})) == (1, 1)

    def test_under_another_batch_it_counts_again(self, http: Client, lee: str) -> None:
        views = [PAGE | {"customer_id": lee}]

        tell(http, views)
        answer = tell(http, views, batch="two")

        assert statuses(answer) == ["created"]
        assert len(journal(http, lee)) == 2


class TestTie:
    def test_answers_with_who_they_are(self, http: Client, lee: str) -> None:
        answer = identify(http, "v-1", lee)

        assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
        assert answer.json.keys() == VisitorSchema().fields.keys()
        assert (answer.json["id"], answer.json["customer_id"]) == ("v-1", lee)
        assert http.get("/v1/visitors/v-1").json == answer.json

    def test_brings_earlier_views_into_the_journal(
        self, http: Client, database: Database[Document], lee: str
    ) -> None:
        tell(http, [PAGE | {"visitor_id": "v-1"}, PRODUCT | {"visitor_id": "v-1"}])
        tell(http, [PAGE | {"visitor_id": "v-2"}], batch="other")

        identify(http, "v-1", lee)
        handle(database)

        assert {entry["kind"] for entry in journal(http, lee)} == {"page_viewed", "product_viewed"}
        assert {entry["data"]["visitor_id"] for entry in journal(http, lee)} == {"v-1"}

    def test_said_again_changes_nothing(
        self, http: Client, database: Database[Document], lee: str
    ) -> None:
        tell(http, [PAGE | {"visitor_id": "v-1"}])

        answers = [identify(http, "v-1", lee) for _ in range(2)]
        handle(database)
        handle(database)

        assert answers[0].json == answers[1].json
        assert len((database.visitors.find_one({}) or {})["outbox"]) == 1
        assert len(journal(http, lee)) == 1

    def test_to_another_is_refused(self, http: Client, lee: str, register: Register) -> None:
        identify(http, "v-1", lee)

        answer = identify(http, "v-1", register())

        assert answer.status_code == 409
        assert answer.json["errors"][0]["holder"] == lee

    def test_to_another_is_taken_when_the_first_is_gone(
        self,
        http_as: As,
        database: Database[Document],
        lee: str,
        register: Register,
        delete: Delete,
    ) -> None:
        http = http_as("admin")
        tell(http, [PAGE | {"visitor_id": "v-1"}])
        identify(http, "v-1", lee)
        handle(database)
        delete(lee)
        tell(http, [PRODUCT | {"visitor_id": "v-1"}], batch="later")
        ann = register()

        answer = identify(http, "v-1", ann)
        handle(database)

        assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
        # Each view lies in one journal: the first customer's stays with theirs.
        assert [entry["kind"] for entry in journal(http, ann)] == ["product_viewed"]
        assert [entry["kind"] for entry in journal(http, lee)] == ["page_viewed"]

    def test_to_nobody_is_refused(self, http: Client, database: Database[Document]) -> None:
        answer = identify(http, "v-1", new_id())

        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "customer_id")
        assert database.visitors.count_documents({}) == 0

    @pytest.mark.parametrize("role", [None, "sales", "admin"])
    def test_who_may(self, http_as: As, lee: str, role: str | None) -> None:
        http = http_as(role)

        answers = [identify(http, "v-1", lee), http.get("/v1/visitors/v-1")]

        assert [answer.status_code for answer in answers] == [200 if role else 401] * 2

    @pytest.mark.parametrize("id", ["a b", "a%00b", "é", "x" * 101, "$ne"])
    def test_takes_no_odd_id(
        self, http: Client, database: Database[Document], lee: str, id: str
    ) -> None:
        answer = identify(http, id, lee)

        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "visitor_id")
        assert database.visitors.count_documents({}) == 0

    def test_of_whom_nobody_knows_is_not_there(self, http: Client) -> None:
        assert http.get("/v1/visitors/v-1").status_code == 404


def tell(http: Client, views: list[Any], *, batch: str = "one") -> Any:
    return http.post(ADDRESS, json={"batch": batch, "entries": views})


def identify(http: Client, visitor_id: str, customer_id: str) -> Any:
    return http.put(f"/v1/visitors/{visitor_id}", json={"customer_id": customer_id})


def handle(database: Database[Document]) -> None:
    """Have customers handle what it published of visitors."""
    for visitor in database.visitors.find({}):
        told = [VisitorTied.from_data(entry["data"]) for entry in visitor["outbox"]]
        worker.create_handlers(load(), database)[VisitorTied](told)


def journal(http: Client, customer_id: str) -> list[Document]:
    found: list[Document] = http.get(f"/v1/customers/{customer_id}/journal").json["items"]
    return found


def statuses(answer: Any) -> list[str]:
    return [result["status"] for result in answer.json["results"]]
