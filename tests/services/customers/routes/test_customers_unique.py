"""One address belongs to one customer, however it is typed and however many try at once."""

import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier
from typing import Any, Literal

from pymongo.database import Database

from shared.document import Document

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]

MANY = 100
ADDRESS = "jürgen.groß@example.com"
FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


def variants(count: int) -> list[str]:
    """So many ways to type one address: in capitals, with signs of their own, in full width."""
    dice = Random(1)  # noqa: S311 - the same each time.
    found: dict[str, None] = {}
    while len(found) < count:
        text = "".join(sign.upper() if dice.random() < 0.5 else sign for sign in ADDRESS)
        text = text.replace("J", dice.choice("J\uff2a"))
        form = dice.choice(FORMS)
        found[unicodedata.normalize(form, text)] = None
    return list(found)


class TestAnAddress:
    def test_belongs_to_one_of_a_hundred_who_come_at_once(
        self, http_as: As, database: Database[Document]
    ) -> None:
        typed = variants(MANY)
        clients = [http_as("sales") for _ in typed]
        together = Barrier(MANY)

        def register(index: int) -> Any:
            together.wait(60)
            return clients[index].post(
                "/v1/customers", json={"emails": [{"address": typed[index]}]}
            )

        with ThreadPoolExecutor(MANY) as pool:
            answers = list(pool.map(register, range(MANY)))

        (won,) = [answer for answer in answers if answer.status_code == 201]
        lost = [answer for answer in answers if answer.status_code == 409]
        assert len(lost) == MANY - 1
        assert {names_of(answer.json) for answer in lost} == {("emails.0.address", won.json["id"])}
        assert database.customers.count_documents({}) == 1

    def test_belongs_to_one_of_a_hundred_in_a_bulk_call(
        self, http: Client, database: Database[Document]
    ) -> None:
        first, *others = bulk(http, "one", variants(MANY))

        assert first["status"] == "created"
        assert {one["status"] for one in others} == {"refused"}
        assert {names_of(one["problem"]) for one in others} == {("emails.0.address", first["id"])}
        assert database.customers.count_documents({}) == 1

    def test_is_free_again_once_its_customer_is_deleted(
        self, http_as: As, database: Database[Document]
    ) -> None:
        admin, (one, two, three) = http_as("admin"), variants(3)
        for typed in (one, two):
            made = admin.post("/v1/customers", json={"emails": [{"address": typed}]})
            assert made.status_code == 201
            gone = admin.delete(
                f"/v1/customers/{made.json['id']}", headers={"If-Match": made.headers["ETag"]}
            )
            assert gone.status_code == 204

        (again,) = bulk(admin, "two", [three])

        assert again["status"] == "created"
        assert database.customers.count_documents({"deleted_at": None}) == 1


def bulk(http: Client, batch: str, addresses: Sequence[str]) -> list[Document]:
    """What becomes of customers who have an id of their own each, and these addresses."""
    entries = [
        {"external_id": f"{batch}-{number}", "emails": [{"address": address}]}
        for number, address in enumerate(addresses)
    ]
    answer = http.post("/v1/customers/bulk", json={"batch": batch, "entries": entries})
    results: list[Document] = answer.json["results"]
    return results


def names_of(problem: Document) -> tuple[str, str]:
    """The field that a refusal names, and who holds its value."""
    (error,) = problem["errors"]
    return error["field"], error["holder"]
