"""The same request many times at once, to web processes: one effect, and one answer to all."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.journeys.system import ADMIN, Person, System
from tests.support.stall import MAPPING, SHOP

Json = dict[str, Any]
Send = Callable[[Person], requests.Response]
COPIES = 5
CHANGES = 20
PASSWORD = "lantern orchard 73 violin"

of_each_number = pytest.mark.parametrize(
    "number",
    [pytest.param(10, id="small"), pytest.param(1_000, id="full", marks=pytest.mark.security)],
)
of_each_number_of_documents = pytest.mark.parametrize(
    "number",
    [pytest.param(3, id="small"), pytest.param(100, id="full", marks=pytest.mark.security)],
)


class TestIdempotencyKeys:
    @of_each_number
    def test_of_orders_place_one_each(self, crowd: "Crowd", number: int) -> None:
        source = f"copies-{uuid4().hex[:8]}"

        answers = [
            crowd.at_once(creation("orders", "/v1/orders", order(f"{source}-{n}", source)), COPIES)
            for n in range(number)
        ]

        assert [distinct(copies) for copies in answers] == [1] * number
        assert {copies[0].status_code for copies in answers} == {201}
        placed = {copies[0].json()["id"] for copies in answers}
        assert len(placed) == number
        assert sorted(placed) == sorted(listed(crowd.anyone, f"/v1/orders?source={source}"))

    @pytest.mark.parametrize("kind", ["customers", "journal", "users", "imports"])
    def test_of_others_make_one_each(self, crowd: "Crowd", kind: str) -> None:
        for _ in range(3):
            copies = crowd.at_once(creations(crowd.anyone)[kind](), COPIES)

            assert distinct(copies) == 1, [
                (one.status_code, one.text, dict(one.headers)) for one in copies
            ]
            assert copies[0].status_code in {201, 202}

    def test_bring_the_first_answer_when_the_order_has_got_further(self, crowd: "Crowd") -> None:
        send = creation("orders", "/v1/orders", order(uuid4().hex, "later"))
        (first,) = crowd.at_once(send, 1)
        address = f"/v1/orders/{first.json()['id']}/pay"
        paid = crowd.anyone.call(
            "POST", "orders", address, headers={"If-Match": first.headers["ETag"]}
        )
        assert paid.status_code == 200

        copies = crowd.at_once(send, COPIES)

        assert distinct([first, *copies]) == 1, [one.text for one in (first, copies[0])]

    def test_bring_the_first_answer_when_the_customer_was_changed(self, crowd: "Crowd") -> None:
        send = creation("customers", "/v1/customers", {"last_name": "Lee", "tags": ["a"]})
        (first,) = crowd.at_once(send, 1)
        address, headers = (
            f"/v1/customers/{first.json()['id']}",
            {"If-Match": first.headers["ETag"]},
        )
        changed = crowd.anyone.call(
            "PATCH", "customers", address, headers=headers, json={"last_name": "Ng", "tags": []}
        )
        assert changed.status_code == 200

        copies = crowd.at_once(send, COPIES)

        assert distinct([first, *copies]) == 1, [one.text for one in (first, copies[0])]

    def test_of_one_key_and_many_bodies_make_one(self, crowd: "Crowd") -> None:
        key, source = uuid4().hex, f"bodies-{uuid4().hex[:8]}"
        sends = [
            creation("orders", "/v1/orders", order(f"{source}-{n}", source), key=key)
            for n in range(COPIES)
        ]

        answers = crowd.each_at_once(sends)

        assert Counter(one.status_code for one in answers) == {201: 1, 422: COPIES - 1}
        assert len(listed(crowd.anyone, f"/v1/orders?source={source}")) == 1


class TestEtags:
    @of_each_number_of_documents
    def test_let_one_of_many_changes_through(self, crowd: "Crowd", number: int) -> None:
        outcomes = []
        for _ in range(number):
            address, etag = registered(crowd.anyone)
            answers = crowd.each_at_once(
                [
                    call("PATCH", "customers", address, etag, json={"last_name": f"Lee {n}"})
                    for n in range(CHANGES)
                ]
            )
            outcomes.append(statuses(answers))
            (winner,) = (one for one in answers if one.status_code == 200)
            assert crowd.anyone.get("customers", address)["last_name"] == winner.json()["last_name"]

        assert outcomes == [{200: 1, 412: CHANGES - 1}] * number

    @of_each_number_of_documents
    def test_let_one_of_many_steps_through(self, crowd: "Crowd", number: int) -> None:
        outcomes = []
        for _ in range(number):
            placed = crowd.anyone.post("orders", "/v1/orders", order(uuid4().hex, "steps"))
            address, etag = f"/v1/orders/{placed.json()['id']}", placed.headers["ETag"]
            steps = [
                call("POST", "orders", f"{address}/{step}", etag)
                for step in ("pay", "cancel") * (CHANGES // 2)
            ]
            outcomes.append(statuses(crowd.each_at_once(steps)))

        assert outcomes == [{200: 1, 412: CHANGES - 1}] * number

    @of_each_number_of_documents
    def test_let_one_deletion_through(self, crowd: "Crowd", number: int) -> None:
        """Who comes when it is gone already finds nothing (RFC 9110, 13.2.1)."""
        outcomes = []
        for _ in range(number):
            address, etag = registered(crowd.anyone)
            outcomes.append(
                statuses(crowd.at_once(call("DELETE", "customers", address, etag), CHANGES))
            )

        assert [one[204] for one in outcomes] == [1] * number
        assert [one[412] + one[404] for one in outcomes] == [CHANGES - 1] * number

    @of_each_number_of_documents
    def test_let_a_change_or_a_deletion_through(self, crowd: "Crowd", number: int) -> None:
        outcomes = []
        for _ in range(number):
            address, etag = registered(crowd.anyone)
            sends = [
                call("DELETE", "customers", address, etag),
                call("PATCH", "customers", address, etag, json={"last_name": "Ng"}),
            ] * (CHANGES // 2)
            outcomes.append(statuses(crowd.each_at_once(sends)))

        assert [one[204] + one[200] for one in outcomes] == [1] * number
        assert [one[412] + one[404] for one in outcomes] == [CHANGES - 1] * number


class Crowd:
    """People who are signed in, each with a connection of their own, and who act at once."""

    def __init__(self, kith: System, pool: ThreadPoolExecutor, size: int) -> None:
        tokens = Person(kith.ports).post("accounts", "/v1/tokens", ADMIN).json()
        self._people = [Person(kith.ports, tokens) for _ in range(size)]
        self._pool = pool
        self.anyone = Person(kith.ports, tokens)

    def at_once(self, send: Send, times: int) -> list[requests.Response]:
        """The answers to one request, sent by so many at once."""
        return self.each_at_once([send] * times)

    def each_at_once(self, sends: Sequence[Send]) -> list[requests.Response]:
        """The answers to requests that are sent at once."""
        start = Barrier(len(sends))

        def act(person: Person, send: Send) -> requests.Response:
            start.wait(60)
            return send(person)

        return list(self._pool.map(act, self._people, sends))


def creation(service: str, address: str, body: Json, *, key: str | None = None) -> Send:
    """A POST under one key, however often it is sent."""
    headers = {"Idempotency-Key": key or uuid4().hex}
    return lambda person: person.post(service, address, body, headers=headers)


def call(method: str, service: str, address: str, etag: str, **options: Any) -> Send:
    """A change of one version."""
    return lambda person: person.call(
        method, service, address, headers={"If-Match": etag}, **options
    )


def creations(person: Person) -> dict[str, Callable[[], Send]]:
    """Creations of each kind, each under a new key."""
    address, _ = registered(person)
    mark = uuid4().hex[:8]
    user = {"email": f"{mark}@example.com", "name": "Bo", "role": "sales", "password": PASSWORD}
    return {
        "customers": lambda: creation(
            "customers", "/v1/customers", {"external_id": mark, "last_name": "Lee"}
        ),
        "journal": lambda: creation(
            "customers", f"{address}/journal", {"kind": "note", "summary": "Said hello."}
        ),
        "users": lambda: creation("accounts", "/v1/users", user),
        "imports": upload,
    }


def upload() -> Send:
    """A file to import, under a new key."""
    headers = {"Idempotency-Key": uuid4().hex}
    form = {"mapping": json.dumps(MAPPING)}
    return lambda person: person.call(
        "POST",
        "imports",
        "/v1/imports",
        headers=headers,
        data=form,
        files={"file": ("shop.csv", SHOP)},
    )


def order(number: str, source: str) -> Json:
    """An order of a guest."""
    line = {"sku": "MUG-01", "quantity": 2, "unit_price": "2.55"}
    return {"number": number, "source": source, "currency": "GBP", "lines": [line]}


def registered(person: Person) -> tuple[str, str]:
    """The address and the ETag of somebody new."""
    answer = person.post("customers", "/v1/customers", {"last_name": "Lee"})
    assert answer.status_code == 201, answer.text
    return f"/v1/customers/{answer.json()['id']}", answer.headers["ETag"]


def distinct(answers: Sequence[requests.Response]) -> int:
    """How many different answers there are, byte by byte."""
    return len(
        {
            (one.status_code, one.content, one.headers.get("ETag"), one.headers.get("Location"))
            for one in answers
        }
    )


def statuses(answers: Sequence[requests.Response]) -> Counter[int]:
    """How often each status came."""
    return Counter(one.status_code for one in answers)


def listed(person: Person, address: str) -> list[str]:
    """The ids on all pages of a list."""
    ids: list[str] = []
    after = ""
    while True:
        page = person.get("orders", f"{address}&limit=200{after}")
        ids += [one["id"] for one in page["items"]]
        if page["next"] is None:
            return ids
        after = f"&cursor={page['next']}"


@pytest.fixture
def crowd(kith: System) -> Iterator[Crowd]:
    """As many as there are changes at once."""
    with ThreadPoolExecutor(CHANGES) as pool:
        yield Crowd(kith, pool, CHANGES)
