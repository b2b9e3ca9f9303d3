"""What changes of customers tell the journal, over HTTP, on the real server."""

from collections.abc import Callable
from typing import Any

from pymongo.database import Database

from services.customers import worker
from shared.document import Document
from shared.events import contracts
from shared.settings import load

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]

EVENTS = {event.__name__: event for event in contracts.ALL}
LEE: Document = {"last_name": "Lee", "external_id": "1", "tags": ["vip"]}


class TestRegister:
    def test_says_who_did_it_and_nothing_of_the_customer(
        self, http: Client, database: Database[Document]
    ) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]

        (entry,) = journal(http, database, id)
        assert (entry["kind"], entry["source"], entry["data"]) == ("customer_created", "api", {})
        assert entry["actor"]["role"] == "sales"
        assert "Lee" not in str(entry)

    def test_says_by_which_channels_they_may_be_contacted(
        self, http: Client, database: Database[Document]
    ) -> None:
        body = LEE | {"channels": {"email": True, "sms": False}}
        id = http.post("/v1/customers", json=body).json["id"]

        consents = {
            entry["data"]["channel"]: (entry["kind"], entry["data"]["before"])
            for entry in journal(http, database, id)
            if entry["kind"] != "customer_created"
        }
        assert consents == {"email": ("consent_given", None), "sms": ("consent_withdrawn", None)}

    def test_by_an_import_names_it(self, http: Client, database: Database[Document]) -> None:
        (id,) = bulk(http, LEE, batch="import:1")

        (entry,) = journal(http, database, id)
        assert (entry["kind"], entry["source"]) == ("customer_created", "import")
        assert entry["data"] == {"batch": "import:1"}

    def test_by_an_import_that_knew_them_is_noted_once(
        self, http: Client, database: Database[Document]
    ) -> None:
        (id,) = bulk(http, LEE, batch="import:1")

        for _ in range(2):
            bulk(http, LEE, LEE, batch="import:2")
        bulk(http, LEE, batch="import:1")

        told = [(entry["kind"], entry["data"]["batch"]) for entry in journal(http, database, id)]
        assert told == [("imported", "import:2"), ("customer_created", "import:1")]


class TestChange:
    def test_says_what_was_before_and_what_is_after(
        self, http: Client, database: Database[Document]
    ) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]

        change(http, id, {"last_name": "Ng", "tags": [], "external_id": "1"})

        entry = journal(http, database, id)[0]
        assert (entry["kind"], entry["summary"]) == (
            "customer_changed",
            "Changed: last_name, tags.",
        )
        assert entry["data"]["changes"] == [
            {"field": "last_name", "before": "Lee", "after": "Ng"},
            {"field": "tags", "before": ["vip"], "after": []},
        ]

    def test_to_the_same_is_none(self, http: Client, database: Database[Document]) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]

        change(http, id, LEE)

        assert [entry["kind"] for entry in journal(http, database, id)] == ["customer_created"]

    def test_of_a_channel_is_a_consent_beside_the_change(
        self, http: Client, database: Database[Document]
    ) -> None:
        id = http.post("/v1/customers", json=LEE | {"channels": {"email": True}}).json["id"]

        change(http, id, {"channels": {"email": False, "post": True}})

        kinds = [entry["kind"] for entry in journal(http, database, id)[:3]]
        assert sorted(kinds) == ["consent_given", "consent_withdrawn", "customer_changed"]

    def test_is_told_to_nobody_but_the_journal(
        self, http: Client, database: Database[Document]
    ) -> None:
        id = http.post("/v1/customers", json=LEE).json["id"]

        change(http, id, {"company": "Secret & Sons"})

        outbox = (database.customers.find_one({"_id": id}) or {})["outbox"]
        assert {entry["to"] for entry in outbox if "Secret" in str(entry["data"])} == {"customers"}


class TestDelete:
    def test_says_that_it_happened_and_who_did_it(
        self, http_as: As, database: Database[Document]
    ) -> None:
        http = http_as("admin")
        id = http.post("/v1/customers", json=LEE).json["id"]

        http.delete(f"/v1/customers/{id}", headers={"If-Match": '"1"'})

        entry = journal(http, database, id)[0]
        assert (entry["kind"], entry["data"]) == ("customer_deleted", {})
        assert entry["actor"]["role"] == "admin"
        assert "Lee" not in str(entry)


def journal(http: Client, database: Database[Document], id: str) -> list[Document]:
    """The journal of a customer, after customers has handled its own events of them."""
    handlers = worker.create_handlers(load(), database)
    for entry in (database.customers.find_one({"_id": id}) or {})["outbox"]:
        if entry["to"] == "customers":
            event = EVENTS[entry["name"]]
            handlers[event]([event.from_data(entry["data"])])
    # Of who is gone, an admin may still read it; who asks is one then.
    found: list[Document] = http.get(f"/v1/customers/{id}/journal").json["items"]
    return found


def bulk(http: Client, *entries: Document, batch: str) -> list[str]:
    answer = http.post("/v1/customers/bulk", json={"batch": batch, "entries": list(entries)})
    return [result["id"] for result in answer.json["results"]]


def change(http: Client, id: str, body: Document) -> None:
    answer = http.patch(f"/v1/customers/{id}", json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == 200
