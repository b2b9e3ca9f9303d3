"""Files of whole shops, imported by the import command into running processes."""

import csv
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.shop_file import HEADER, ShopFile, generate
from tests.journeys.system import Json, Person, System, wait_for

Import = Callable[[ShopFile], "dict[str, str]"]
WHOLESALE = "grosshandel"
ENDED = {"finished", "failed"}


class TestSmallShop:
    def test_accounts_for_every_row_and_adds_nothing_the_second_time(
        self, import_file: Import, admin: Person
    ) -> None:
        shop = generate("laden", orders=800)

        first = import_file(shop)
        rejects = read_rejects(admin, newest(admin))
        second = import_file(shop)

        assert first == shop.figures
        assert second == shop.figures | {"orders new": "0", "customers new": "0"}
        assert rejects[0] == ["row", "reason", *HEADER]
        assert [[row, *raw] for row, _, *raw in rejects[1:]] == shop.rejects
        assert all(reason.endswith(".") for _, reason, *_ in rejects[1:])

    def test_says_in_one_line_why_it_cannot_be(self, kith: System, tmp_path: Path) -> None:
        (file := tmp_path / "shop.csv").write_text("No,Time\n1,now\n")

        ended = kith.run("import", str(file), "--preset", "online-retail")

        assert ended.returncode == 1
        assert ended.stdout == ""
        assert ended.stderr.startswith('Error: The column "InvoiceNo" is missing')
        assert ended.stderr.count("\n") == 1


class TestKilledWorker:
    def test_another_goes_on_from_where_it_was(
        self, kith: System, admin: Person, begin_import: Any
    ) -> None:
        shop = generate(WHOLESALE, orders=6_000)

        with begin_import(shop) as process:
            wait_for(lambda: at_work(admin), "an import with some of its orders sent")
            kith.kill("worker", "imports")
            after = newest(admin)
            said, complained = process.communicate(timeout=900)

        assert after["state"] == "orders"
        assert after["progress"]["orders"] < after["progress"]["orders_of"]
        assert process.returncode == 0, complained
        assert figures(said) == shop.figures


class TestRealShop:
    def test_comes_to_the_last_penny(self, kith: System, admin: Person, data_file: Path) -> None:
        ended = kith.run("import", str(data_file), "--preset", "online-retail")

        assert ended.returncode == 0, ended.stderr
        assert figures(ended.stdout) == {
            "rows": "320,705",
            "accepted": "319,778",
            "rejected": "927",
            "orders": "15,532",
            "returns": "2,554",
            "guest orders": "1,690",
            "customers": "3,360",
            "orders new": "15,532",
            "customers new": "3,360",
            "total accepted": "5,784,055.502 GBP",
            "total rejected": "-22,124.120 GBP",
            "total file": "5,761,931.382 GBP",
        }
        assert len(read_rejects(admin, newest(admin))) == 1 + 927
        wait_for(lambda: kith.waiting_events() == 0, "all events are handled")
        bought = purchases_in(data_file)
        found = {
            customer["external_id"]: Purchases.read(customer["purchases"])
            for customer in all_customers(admin)
            if customer["external_id"] in bought
        }
        assert len(bought) == 3_360
        assert found == {id: purchases.summary() for id, purchases in bought.items()}


@dataclass
class Purchases:
    """What one customer has bought by the file."""

    sales: dict[str, datetime] = field(default_factory=dict)
    """The time of each, by its number."""
    returns: set[str] = field(default_factory=set)
    total: Decimal = Decimal(0)

    def summary(self) -> Json:
        """Their numbers, the total in pounds, and the first and last time."""
        times = sorted(f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in self.sales.values())
        return {
            "orders": len(self.sales),
            "returns": len(self.returns),
            "totals": {"GBP": self.total},
            "first_order_at": times[0] if times else None,
            "last_order_at": times[-1] if times else None,
        }

    @staticmethod
    def read(answered: Json) -> Json:
        """The `purchases` of a customer in the form of `summary`: 17.0 is as good as 17.00."""
        totals = {total["currency"]: Decimal(total["amount"]) for total in answered["totals"]}
        return answered | {"totals": totals}


def purchases_in(file: Path) -> dict[str, Purchases]:
    """What each customer of the real shop has bought, computed from the file alone."""
    bought: dict[str, Purchases] = defaultdict(Purchases)
    with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            number, quantity = row["InvoiceNo"], int(row["Quantity"])
            price, is_return = Decimal(row["UnitPrice"]), number.startswith("C")
            if not row["CustomerID"] or price < 0 or quantity == 0 or is_return != (quantity < 0):
                continue
            purchases = bought[row["CustomerID"].removesuffix(".0")]
            purchases.total += quantity * price
            if is_return:
                purchases.returns.add(number)
            else:
                at = datetime.fromisoformat(row["InvoiceDate"])
                purchases.sales[number] = min(at, purchases.sales.get(number, at))
    return bought


def figures(said: str) -> dict[str, str]:
    """The account that the import command printed, by name."""
    lines = [line for line in said.splitlines() if not line.startswith("rejected rows:")]
    return {line[:14].strip(): line[14:].strip() for line in lines}


def newest(person: Person) -> Json:
    """The import that was asked for last."""
    job: Json = person.get("imports", "/v1/imports?limit=1")["items"][0]
    return job


def at_work(person: Person) -> Json | None:
    """The newest import, if some of its orders were sent and others were not."""
    if not person.get("imports", "/v1/imports?limit=1")["items"]:
        return None
    job = newest(person)
    assert job["state"] not in ENDED or job["mapping"]["source"] != WHOLESALE, "It was too quick."
    return job if job["state"] == "orders" and job["progress"]["orders"] else None


def read_rejects(person: Person, job: Json) -> list[list[str]]:
    """The lines of the list of rejected rows."""
    answer = person.call("GET", "imports", f"/v1/imports/{job['id']}/rejects.csv")
    assert answer.status_code == 200
    # In the encoding that its mapping names, and says so.
    assert "charset=" in answer.headers["Content-Type"]
    return list(csv.reader(io.StringIO(answer.text, newline="")))


def all_customers(person: Person) -> Iterator[Json]:
    """All customers, page by page."""
    page: Json = {"next": ""}
    while page["next"] is not None:
        cursor = f"&cursor={page['next']}" if page["next"] else ""
        page = person.get("customers", f"/v1/customers?limit=200{cursor}")
        yield from page["items"]


@pytest.fixture
def import_file(begin_import: Any) -> Import:
    """`import_file(shop)`: import a file to its end; gives what the command printed."""

    def make(shop: ShopFile) -> dict[str, str]:
        with begin_import(shop) as process:
            said, complained = process.communicate(timeout=900)
        assert process.returncode == 0, complained
        return figures(said)

    return make


@pytest.fixture
def begin_import(kith: System, tmp_path: Path) -> Any:
    """`begin_import(shop)`: the import command on a file, running."""

    def make(shop: ShopFile) -> Any:
        (file := tmp_path / "shop.csv.gz").write_bytes(shop.content)
        (mapping := tmp_path / "mapping.json").write_text(json.dumps(shop.mapping))
        return kith.start("import", str(file), "--mapping", str(mapping))

    return make
