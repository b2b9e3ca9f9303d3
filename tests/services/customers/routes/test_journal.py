"""Journals over HTTP, on the real server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from services.customers.model.journal import STAFF_KINDS, Entry
from services.customers.repository.journal import JournalRepository
from services.customers.schemas.journal import EntrySchema
from shared.document import Document
from shared.identifiers import new_id

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]
Register = Callable[[], str]
Delete = Callable[[str], None]

CALL: Document = {"kind": "call", "summary": "Asked for the blue one.", "data": {"minutes": 3}}
START = datetime(2025, 6, 1, 12, tzinfo=UTC)


class TestLog:
    def test_answers_with_the_entry(self, http: Client, lee: str) -> None:
        answer = http.post(of(lee), json=CALL)

        entry = answer.json
        assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
        assert answer.headers["Location"] == f"journal/{entry['id']}"
        assert entry.keys() == EntrySchema().fields.keys()
        assert {name: entry[name] for name in CALL} == CALL
        assert (entry["customer_id"], entry["source"], entry["corrects"]) == (lee, "api", None)
        assert entry["actor"]["role"] == "sales"

    @pytest.mark.parametrize("kind", STAFF_KINDS)
    def test_takes_what_staff_do(self, http: Client, lee: str, kind: str) -> None:
        http.post(of(lee), json={"kind": kind, "summary": "Said hello."})

        assert kinds(http, lee) == [kind]

    def test_may_tell_of_earlier(self, http: Client, lee: str) -> None:
        entry = http.post(of(lee), json=CALL | {"at": "2025-06-01T14:00:00+02:00"}).json

        assert entry["at"] == "2025-06-01T12:00:00Z"
        assert entry["recorded_at"] > entry["at"]

    @pytest.mark.parametrize("number", ["9223372036854775807", "-9223372036854775808", "1.5"])
    def test_keeps_the_numbers_of_its_data(self, http: Client, lee: str, number: str) -> None:
        body = f'{{"kind": "note", "summary": "Measured.", "data": {{"a": {number}}}}}'

        answer = http.post(
            f"/v1/customers/{lee}/journal", data=body, content_type="application/json"
        )

        assert answer.status_code == 201
        assert f'"data":{{"a":{number}}}' in http.get(f"/v1/customers/{lee}/journal").text

    def test_may_not_tell_of_later(self, http: Client, lee: str) -> None:
        later = datetime.now(UTC) + timedelta(minutes=5)

        answer = http.post(of(lee), json=CALL | {"at": later.isoformat()})

        assert (answer.status_code, fields_of(answer)) == (422, ["at"])

    @pytest.mark.parametrize("role", [None, "sales", "admin"])
    def test_who_may(self, http_as: As, lee: str, role: str | None) -> None:
        assert http_as(role).post(of(lee), json=CALL).status_code == (201 if role else 401)

    def test_of_nobody_is_refused(self, http: Client) -> None:
        assert http.post(of(new_id()), json=CALL).status_code == 404

    @pytest.mark.parametrize("role", ["sales", "admin"])
    def test_of_who_is_gone_is_refused(self, http_as: As, gone: str, role: str) -> None:
        assert http_as(role).post(of(gone), json=CALL).status_code == 404


class TestSentTwice:
    def test_is_logged_once(self, http: Client, lee: str) -> None:
        first = http.post(of(lee), json=CALL, headers=key())
        again = http.post(of(lee), json=CALL, headers=key())

        assert (again.status_code, again.json) == (201, first.json)
        assert kinds(http, lee) == ["call"]

    def test_with_another_body_is_refused(self, http: Client, lee: str) -> None:
        http.post(of(lee), json=CALL, headers=key())

        answer = http.post(of(lee), json=CALL | {"kind": "note"}, headers=key())

        assert (answer.status_code, kinds(http, lee)) == (422, ["call"])

    def test_for_another_customer_is_refused(
        self, http: Client, lee: str, register: Register
    ) -> None:
        other = register()
        http.post(of(lee), json=CALL, headers=key())

        assert http.post(of(other), json=CALL, headers=key()).status_code == 422

    def test_is_answered_when_the_customer_is_gone_meanwhile(
        self, http_as: As, lee: str, delete: Delete
    ) -> None:
        http = http_as("admin")
        first = http.post(of(lee), json=CALL, headers=key())
        delete(lee)

        again = http.post(of(lee), json=CALL, headers=key())

        assert (again.status_code, again.json) == (201, first.json)


class TestCorrect:
    def test_names_what_it_puts_right(self, http: Client, lee: str) -> None:
        wrong = http.post(of(lee), json=CALL).json

        right = http.post(of(lee), json=CALL | {"corrects": wrong["id"]})

        assert (right.status_code, right.json["corrects"]) == (201, wrong["id"])
        assert http.get(f"{of(lee)}/{wrong['id']}").json == wrong

    def test_needs_an_entry(self, http: Client, lee: str) -> None:
        answer = http.post(of(lee), json=CALL | {"corrects": new_id()})

        assert (answer.status_code, fields_of(answer)) == (422, ["corrects"])

    def test_needs_one_of_the_same_customer(
        self, http: Client, lee: str, register: Register
    ) -> None:
        wrong = http.post(of(register()), json=CALL).json["id"]

        answer = http.post(of(lee), json=CALL | {"corrects": wrong})

        assert (answer.status_code, fields_of(answer)) == (422, ["corrects"])

    def test_needs_one_that_staff_logged(
        self, http: Client, journal: JournalRepository, lee: str
    ) -> None:
        journal.add_all([entry(lee, kind="order_placed")])

        answer = http.post(of(lee), json=CALL | {"corrects": entry(lee).id})

        assert (answer.status_code, fields_of(answer)) == (422, ["corrects"])


class TestRead:
    def test_shows_the_latest_first(
        self, http: Client, journal: JournalRepository, lee: str
    ) -> None:
        journal.add_all([entry(lee, number) for number in (2, 3, 1)])

        found = http.get(of(lee)).json

        assert [one["id"] for one in found["items"]] == [entry(lee, n).id for n in (3, 2, 1)]
        assert found.keys() == {"items", "next"}
        assert found["next"] is None

    def test_goes_on_where_a_page_ended(
        self, http: Client, journal: JournalRepository, lee: str
    ) -> None:
        # Some at the same moment, so that the time alone does not say where a page ended.
        journal.add_all([entry(lee, number, at=START) for number in range(5)])
        journal.add_all([entry(lee, number) for number in range(5, 9)])

        seen, query = [], {"limit": 2}
        while True:
            found = http.get(of(lee), query_string=query).json
            seen += [one["id"] for one in found["items"]]
            if found["next"] is None:
                break
            query["cursor"] = found["next"]

        assert seen == [entry(lee, number).id for number in reversed(range(9))]

    def test_shows_one_kind_alone(self, http: Client, journal: JournalRepository, lee: str) -> None:
        journal.add_all([entry(lee, 1, kind="note"), entry(lee, 2), entry(lee, 3, kind="note")])

        found = http.get(of(lee), query_string={"kind": "note", "limit": 1}).json
        rest = http.get(of(lee), query_string={"kind": "note", "cursor": found["next"]}).json

        ids = [one["id"] for one in found["items"] + rest["items"]]
        assert ids == [entry(lee, 3).id, entry(lee, 1).id]

    def test_shows_nobody_elses(
        self, http: Client, journal: JournalRepository, lee: str, register: Register
    ) -> None:
        journal.add_all([entry(register())])

        assert http.get(of(lee)).json == {"items": [], "next": None}

    @pytest.mark.parametrize(
        "query",
        [{"kind": "gossip"}, {"kind": ""}, {"limit": 201}, {"customer_id": "1"}, {"kind[$gt]": ""}],
        ids=str,
    )
    def test_refuses_what_it_does_not_offer(self, http: Client, lee: str, query: Document) -> None:
        answer = http.get(of(lee), query_string=query)

        assert (answer.status_code, fields_of(answer)) == (422, list(query))

    def test_refuses_the_cursor_of_another_journal(
        self, http: Client, journal: JournalRepository, lee: str, register: Register
    ) -> None:
        other = register()
        journal.add_all([entry(lee, number) for number in range(2)])
        cursor = http.get(of(lee), query_string={"limit": 1}).json["next"]

        assert http.get(of(other), query_string={"cursor": cursor}).status_code == 400

    @pytest.mark.parametrize("role", [None, "sales", "admin"])
    def test_who_may(
        self, http_as: As, journal: JournalRepository, lee: str, role: str | None
    ) -> None:
        journal.add_all([entry(lee)])

        answers = [http_as(role).get(address) for address in (of(lee), one_of(lee))]

        assert [answer.status_code for answer in answers] == [200 if role else 401] * 2

    @pytest.mark.parametrize("role", ["sales", "admin"])
    def test_of_nobody_is_not_there(self, http_as: As, role: str) -> None:
        nobody = new_id()

        answers = [http_as(role).get(address) for address in (of(nobody), one_of(nobody))]

        assert [answer.status_code for answer in answers] == [404] * 2

    @pytest.mark.parametrize(("role", "status"), [("sales", 404), ("admin", 200)])
    def test_of_who_is_gone_is_for_admins(
        self, http_as: As, journal: JournalRepository, gone: str, role: str, status: int
    ) -> None:
        journal.add_all([entry(gone)])

        answers = [http_as(role).get(address) for address in (of(gone), one_of(gone))]

        assert [answer.status_code for answer in answers] == [status] * 2


class TestGet:
    def test_shows_one_entry(self, http: Client, lee: str) -> None:
        logged = http.post(of(lee), json=CALL).json

        answer = http.get(f"{of(lee)}/{logged['id']}")

        assert (answer.status_code, answer.json) == (200, logged)
        assert answer.headers["ETag"] == '"1"'

    @pytest.mark.parametrize("id", ["none", "$ne", "order:1:1", "0" * 24])
    def test_says_that_there_is_none(self, http: Client, lee: str, id: str) -> None:
        assert http.get(f"{of(lee)}/{id}").status_code == 404

    def test_shows_nobody_elses(self, http: Client, lee: str, register: Register) -> None:
        logged = http.post(of(register()), json=CALL).json["id"]

        assert http.get(f"{of(lee)}/{logged}").status_code == 404


class TestNeverChanged:
    @pytest.mark.parametrize("role", [None, "sales", "admin"])
    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
    def test_by_anybody(
        self,
        http_as: As,
        database: Database[Document],
        journal: JournalRepository,
        lee: str,
        role: str | None,
        method: str,
    ) -> None:
        journal.add_all([entry(lee)])
        before = list(database.journal.find({}))

        whole = http_as(role).open(of(lee), method=method, json=CALL)
        single = http_as(role).open(one_of(lee), method=method, json=CALL)

        assert [answer.status_code for answer in (whole, single)] == [405] * 2
        assert methods(whole) == {"GET", "HEAD", "OPTIONS", "POST"}
        assert methods(single) == {"GET", "HEAD", "OPTIONS"}
        assert {answer.content_type for answer in (whole, single)} == {"application/problem+json"}
        assert list(database.journal.find({})) == before


def of(customer_id: str) -> str:
    return f"/v1/customers/{customer_id}/journal"


def one_of(customer_id: str) -> str:
    return f"{of(customer_id)}/{entry(customer_id).id}"


def entry(customer_id: str, number: int = 0, **fields: Any) -> Entry:
    usual: dict[str, Any] = {
        "id": f"order:{customer_id}:{number}",
        "customer_id": customer_id,
        "at": START + timedelta(minutes=number),
        "kind": "order_placed",
        "summary": "Order.",
        "data": {"n": number},
    }
    return Entry(**usual | fields)


def kinds(http: Client, customer_id: str) -> list[str]:
    return [one["kind"] for one in http.get(of(customer_id)).json["items"]]


def fields_of(answer: Any) -> list[str]:
    return [error["field"] for error in answer.json["errors"]]


def methods(answer: Any) -> set[str]:
    return {name.strip() for name in answer.headers["Allow"].split(",")}


def key() -> dict[str, str]:
    return {"Idempotency-Key": "one"}
