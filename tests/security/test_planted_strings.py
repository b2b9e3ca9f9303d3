"""Personal values, planted wherever one can be: none goes through Redis, or into a log."""

import gzip
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import redis
import requests

from shared.document import Document
from shared.messaging.broker import broker_client
from tests.journeys.shop_file import HEADER, generate
from tests.journeys.system import Person, System, wait_for
from tests.security import back_door

ENDED = {"finished", "failed"}


class Planted:
    """Texts that are nowhere else, and where each was planted."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def __call__(self, place: str, form: str = "Planted{}") -> str:
        """A new one, for a place."""
        # Letters alone: some places take no digit, and none of them is a part of another.
        number = len(self.texts)
        code = "".join(chr(ord("a") + digit) for digit in divmod(number, 26))
        text = form.format(f"qzx{code}xzq")
        self.texts[text] = place
        return text

    def found_in(self, *contents: bytes) -> dict[str, str]:
        """Those that are there, as text or as base64."""
        return {
            text: place
            for text, place in self.texts.items()
            for content in contents
            if text.encode() in content or json.dumps(text)[1:-1].encode() in content
        }


class TestPlantedStrings:
    def test_are_not_in_redis_nor_in_logs_nor_said_to_others(
        self, kith: System, admin: Person, commands: "Commands"
    ) -> None:
        planted = Planted()
        answers = _live(admin, planted)
        customer = answers.pop("customer")
        _settle(kith)
        while_there = commands.seen()
        _lose(admin, customer)
        _settle(kith)

        said = _said_to_others(admin, customer)
        metrics = [Person(kith.ports).call("GET", name, "/metrics").content for name in PORTED]
        logs = [kith.log.read_bytes()]

        assert len(planted.texts) >= 64
        assert b"customers.receive" in while_there
        assert planted.found_in(while_there, commands.seen()) == {}
        assert planted.found_in(*_files_of_redis(kith), _keys_of_redis(kith)) == {}
        assert planted.found_in(*logs, *metrics, *said) == {}

    def test_are_found_where_they_are(self, kith: System, admin: Person) -> None:
        """The search would find one: in the document that has it."""
        planted = Planted()
        name = planted("last_name")
        created = admin.post("customers", "/v1/customers", {"last_name": name}).json()

        with back_door.database(kith, "customers") as base:
            stored = base.customers.find_one({"_id": created["id"]})

        assert planted.found_in(str(stored).encode()) == {name: "last_name"}


PORTED = ("accounts", "customers", "orders", "imports")


class Commands:
    """All that Redis is told, from now on."""

    END = "that was all"

    def __init__(self, broker: redis.Redis) -> None:
        self._lines: list[bytes] = []
        self._broker = broker
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def seen(self) -> bytes:
        """What was said, with what is encoded in it."""
        return back_door.plain(b"\n".join(self._lines))

    def end(self) -> None:
        """Listen no longer."""
        cast(Any, self._broker).echo(self.END)
        self._thread.join()

    def _listen(self) -> None:
        with cast(Any, self._broker).monitor() as monitor:
            for command in monitor.listen():
                self._lines.append(command["command"].encode(errors="replace"))
                if self.END in command["command"]:
                    break


def _live(admin: Person, planted: Planted) -> dict[str, Any]:
    """Somebody's life as a customer, with everything said twice: once at first, once changed."""
    customer = admin.post("customers", "/v1/customers", _customer(planted)).json()
    path = f"/v1/customers/{customer['id']}"
    etag = {"If-Match": admin.call("GET", "customers", path).headers["ETag"]}
    changed = admin.call("PATCH", "customers", path, json=_customer(planted), headers=etag)
    assert changed.status_code == 200, changed.text
    _journal(admin, path, planted)
    _activity(admin, customer["id"], planted)
    _order(admin, customer["id"], planted)
    _users(admin, planted)
    _bulk(admin, planted)
    _import(admin, planted)
    return {"customer": customer["id"]}


def _customer(planted: Planted) -> Document:
    return {
        "external_id": planted("external_id"),
        "first_name": planted("first_name"),
        "last_name": planted("last_name"),
        "company": planted("company"),
        "emails": [
            {"address": planted("email", "{}@example.com"), "label": planted("email label")}
        ],
        "phones": [{"number": f"+4930{9 * 10**7 + len(planted.texts)}", "label": planted("label")}],
        "addresses": [
            {name: planted(name) for name in ("label", "line1", "line2", "city", "region")}
            | {"postcode": planted("postcode", "{}"), "country": "DE"}
        ],
        "tags": [planted("tag")],
        "interests": [planted("interest")],
        "preferences": {planted("preference", "key_{}"): planted("preference's value")},
        "channels": {"email": len(planted.texts) < 30, "phone": True},
    }


def _journal(admin: Person, path: str, planted: Planted) -> None:
    for kind in ("note", "call", "email", "meeting"):
        body = {
            "kind": kind,
            "summary": planted(f"summary of a {kind}"),
            "data": {planted("data", "key_{}"): [planted("data"), {"deep": planted("data")}]},
        }
        _created(admin.post("customers", f"{path}/journal", body))


def _activity(admin: Person, customer_id: str, planted: Planted) -> None:
    visitor = "visitor-qzx"
    views = [
        {"kind": "page", "url": planted("url", "/{}"), "title": planted("title")},
        {"kind": "product", "sku": planted("sku"), "title": planted("title")},
    ]
    entries = [view | {"visitor_id": visitor} for view in views]
    entries.append({"kind": "page", "url": planted("url", "/{}"), "customer_id": customer_id})
    body = {"batch": "activity-qzx", "entries": entries}
    answer = admin.post("customers", "/v1/activity", body)
    assert answer.status_code == 200, answer.text
    tied = admin.call(
        "PUT", "customers", f"/v1/visitors/{visitor}", json={"customer_id": customer_id}
    )
    assert tied.status_code in {200, 201}, tied.text


def _order(admin: Person, customer_id: str, planted: Planted) -> None:
    line = {
        "sku": planted("sku of an order"),
        "description": planted("description"),
        "quantity": 1,
        "unit_price": "7.50",
    }
    names = ("line1", "line2", "city", "region")
    address = {name: planted(f"shipping {name}") for name in names} | {"country": "DE"}
    body = {
        "customer_id": customer_id,
        "currency": "EUR",
        "lines": [line],
        "shipping_address": address,
    }
    _created(admin.post("orders", "/v1/orders", body))


def _users(admin: Person, planted: Planted) -> None:
    body = {
        "email": planted("user's email", "{}@example.com"),
        "name": planted("user's name"),
        "role": "sales",
        "password": planted("user's password", "long enough {}"),
    }
    user = _created(admin.post("accounts", "/v1/users", body))
    changed = admin.call(
        "PATCH",
        "accounts",
        f"/v1/users/{user['id']}",
        json={"name": planted("user's new name")},
        headers={"If-Match": '"1"'},
    )
    assert changed.status_code == 200, changed.text


def _bulk(admin: Person, planted: Planted) -> None:
    entries = [_customer(planted), _customer(planted) | {"tags": "none"}]
    answer = admin.post("customers", "/v1/customers/bulk", {"batch": "qzx", "entries": entries})
    assert answer.status_code == 200, answer.text


def _import(admin: Person, planted: Planted) -> None:
    mapping = generate("gepflanzt", orders=1).mapping
    rows = [HEADER]
    for number, price in enumerate(("1,50", planted("price that is none"))):
        person = (planted("name"), planted("e-mail", "{}@example.com"), "030 1234567")
        place = (planted("street"), "01067", planted("city"), "Deutschland")
        goods = (planted("sku", "{}"), planted("goods"), "1", price)
        when = ("01.02.2024 10:00", planted("customer's number"))
        rows.append((f"gepflanzt-R-{number}", *when, *person, *place, *goods))
    text = io.StringIO("".join(";".join(row) + "\n" for row in rows)).getvalue()
    answer = admin.call(
        "POST",
        "imports",
        "/v1/imports",
        files={"file": (planted("file", "{}.csv.gz"), gzip.compress(text.encode("cp1252")))},
        data={"mapping": json.dumps(mapping)},
    )
    job = _created(answer)
    path = f"/v1/imports/{job['id']}"
    wait_for(lambda: admin.get("imports", path)["state"] in ENDED, "it is imported")
    assert admin.get("imports", path)["state"] == "finished"


def _lose(admin: Person, customer_id: str) -> None:
    path = f"/v1/customers/{customer_id}"
    etag = {"If-Match": admin.call("GET", "customers", path).headers["ETag"]}
    assert admin.call("DELETE", "customers", path, headers=etag).status_code == 204


def _said_to_others(admin: Person, customer_id: str) -> Iterator[bytes]:
    """What is answered about somebody who is gone."""
    line = {"sku": "MUG", "quantity": 1, "unit_price": "1.00"}
    order = {"customer_id": customer_id, "currency": "EUR", "lines": [line]}
    path = f"/v1/customers/{customer_id}"
    for answer in (
        admin.post("orders", "/v1/orders", order),
        admin.call("GET", "customers", path),
        admin.post("customers", f"{path}/journal", {"kind": "note", "summary": "x"}),
        admin.call("GET", "customers", "/v1/customers?q="),
    ):
        assert answer.status_code >= 400, answer.text
        yield answer.content


def _settle(kith: System) -> None:
    wait_for(lambda: kith.waiting_events() == 0, "all events were handled")


def _keys_of_redis(kith: System) -> bytes:
    with broker_client(back_door.settings(kith)) as broker:
        keys: Any = broker.keys("*")
        return back_door.plain(b"\n".join(part for key in keys for part in (key, broker.dump(key))))


def _files_of_redis(kith: System) -> list[bytes]:
    files = [path for path in _below(back_door.data(kith)) if "redis" in str(path)]
    assert any(".aof" in path.name for path in files)
    return [back_door.plain(path.read_bytes()) for path in files]


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _created(answer: requests.Response) -> Document:
    assert answer.ok, answer.text
    found: Document = answer.json()
    return found


@pytest.fixture
def commands(kith: System) -> Iterator[Commands]:
    """All that Redis is told in the meantime."""
    with broker_client(back_door.settings(kith)) as broker:
        broker.connection_pool.connection_kwargs["socket_timeout"] = None
        made = Commands(broker)
        yield made
        made.end()
