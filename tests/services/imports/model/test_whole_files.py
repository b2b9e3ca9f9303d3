"""Files as different shops write them, from bytes to orders and customers."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.imports.model import lines as model_lines
from services.imports.model import reader
from services.imports.model.grouping import build_customer, build_order, customer_key
from services.imports.model.lines import Line, Place, Rejection
from services.imports.model.mapping import Mapping

REPOSITORY = Path(__file__).parents[4]
ONLINE_RETAIL = REPOSITORY.parent / "shared/data/online-retail-2010-12-to-2011-08.csv.gz"
PRESET = REPOSITORY / "services/imports/presets/online-retail.json"

GERMAN_MAPPING = {
    "source": "laden",
    "columns": {
        "number": "Rechnung",
        "sku": "Artikel-Nr.",
        "description": "Bezeichnung",
        "quantity": "Menge",
        "unit_price": "Einzelpreis",
        "placed_at": "Datum",
        "customer": "Kunden-Nr.",
        "name": "Name",
        "line1": "Straße",
        "postcode": "PLZ",
        "city": "Ort",
        "country": "Land",
    },
    "defaults": {"currency": "EUR"},
    "returns": {"by": "sign"},
    "format": {"decimal": ",", "thousands": ".", "timezone": "Europe/Berlin"},
}
GERMAN = """\
Rechnung;Datum;Kunden-Nr.;Name;Straße;PLZ;Ort;Land;Artikel-Nr.;Bezeichnung;Menge;Einzelpreis
R-1;01.07.2024 09:30;K7;Müller, Jörg;Kö 1;01067;Dresden;Deutschland;T-5;Tischgröße XL;1;\
1.234,56 €
R-1;01.07.2024 09:30;K7;Müller, Jörg;Kö 1;01067;Dresden;Deutschland;S-1;"Stuhl; weiß";1.000;\
0,99
R-1;15.07.2024 17:00;K7;Müller, Jörg;Kö 1;01067;Dresden;Deutschland;S-1;"Stuhl; weiß";-10;\
0,99
R-2;02.07.2024;K8;Änne Groß;Hauptstr. 5;1010;Wien;Österreich;S-1;"Stuhl; weiß";2,5;0,99
"""

SHOPIFY_MAPPING = {
    "source": "web",
    "columns": {
        "number": "Name",
        "email": "Email",
        "status": "Financial Status",
        "currency": "Currency",
        "placed_at": "Created at",
        "quantity": "Lineitem quantity",
        "description": "Lineitem name",
        "unit_price": "Lineitem price",
        "sku": "Lineitem sku",
        "name": "Billing Name",
        "phone": "Billing Phone",
        "country": "Shipping Country",
        "city": "Shipping City",
    },
    "statuses": {"refunded": "cancelled", "pending": "placed"},
}
SHOPIFY = """\
Name,Email,Financial Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,\
Lineitem sku,Billing Name,Billing Phone,Shipping Country,Shipping City
#1001,Ada@Example.com,paid,USD,2024-03-01 09:00:00 -0500,1,"Mug, blue",12.50,MUG-B,Ada Lovelace,\
(212) 555-0123,US,New York
#1001,Ada@Example.com,,,2024-03-01 09:00:00 -0500,2,Tea,4.25,,,,,
#1002,ada@example.com,refunded,EUR,2024-03-02 09:00:00 +0100,1,Tea,4.00,TEA,Ada King,,FR,Paris
#1003,,pending,JPY,2024-03-03 09:00:00 +0900,3,Tea,600,TEA,,,JP,Kyoto
#1004,bob@example.com,paid,,2024-03-03 09:00:00 +0900,3,Tea,600,TEA,Bob,,,
"""

PHONES_MAPPING = {
    "source": "phones",
    "columns": {
        "number": "order",
        "quantity": "pcs",
        "unit_price": "price",
        "placed_at": "when",
        "email": "mail",
        "phone": "tel",
        "country": "land",
        "first_name": "first",
        "last_name": "last",
    },
    "defaults": {"currency": "GBP", "status": "shipped"},
    "format": {"datetime": ["%m/%d/%Y %I:%M %p", "%m/%d/%Y"]},
    "phone_region": "GB",
}
PHONES = """\
order\tpcs\tprice\twhen\tfirst\tlast\tmail\ttel\tland
1\t1\t5\t12/31/2023 9:30 PM\tAda\tLovelace\tada@example.com\t020 7946 0018 / 07700 900123\tUK
2\t1\t5\t01/02/2024\tBob\tO'Neill\tbob@@example\t0044 (0) 20-7946-0018\t
3\t1\t5\t01/02/2024\tCléo\tRoux\tcleo@example.com\t01 42 68 53 00\tFrance
4\t1\t5\t01/02/2024\tDan\t\tdan@example.com\tno phone\tNarnia
5\t1\t5\t13/02/2024\tEve\t\teve@example.com\t\t
"""


class TestGermanFile:
    """Semicolons, decimal commas, Windows' encoding, local times, returns by sign."""

    def test_becomes_orders(self, read: Any) -> None:
        mapping = Mapping.from_dict(GERMAN_MAPPING)

        orders, _, rejections = group(read(GERMAN.encode("cp1252"), mapping), mapping)

        assert [(order["number"], order["kind"]) for order in orders] == [
            ("R-1", "sale"),
            ("R-1-R", "return"),
        ]
        assert orders[0]["placed_at"] == "2024-07-01T07:30:00Z"
        assert [line["unit_price"] for line in orders[0]["lines"]] == ["1234.56", "0.99"]
        assert [line["quantity"] for line in orders[0]["lines"]] == [1, 1000]
        assert orders[0]["lines"][1]["description"] == "Stuhl; weiß"
        assert [rejection.reason for rejection in rejections] == [
            'The quantity "2,5" is not a whole number.'
        ]
        assert rejections[0].amount == Decimal("2.475")

    def test_becomes_customers(self, read: Any) -> None:
        mapping = Mapping.from_dict(GERMAN_MAPPING)

        _, customers, _ = group(read(GERMAN.encode("cp1252"), mapping), mapping)

        assert list(customers) == ["id:K7"]
        customer = customers["id:K7"]
        assert (customer["first_name"], customer["last_name"]) == ("Jörg", "Müller")
        assert customer["addresses"][0]["line1"] == "Kö 1"
        assert (customer["addresses"][0]["postcode"], customer["addresses"][0]["country"]) == (
            "01067",
            "DE",
        )

    def test_reads_alike_in_every_encoding(self, read: Any) -> None:
        mapping = Mapping.from_dict(GERMAN_MAPPING)

        encodings = ("cp1252", "utf-8", "utf-8-sig", "utf-16")
        outcomes = [
            read(GERMAN.replace(" €", "").encode(encoding), mapping) for encoding in encodings
        ]

        assert all(outcome == outcomes[0] for outcome in outcomes)


class TestShopifyFile:
    """Several currencies, guests, customers by e-mail; what is the order's only once."""

    def test_becomes_orders(self, read: Any) -> None:
        mapping = Mapping.from_dict(SHOPIFY_MAPPING)

        orders, _, rejections = group(read(SHOPIFY, mapping), mapping)

        assert [
            (order["number"], order["currency"], order["status"], order["customer_key"])
            for order in orders
        ] == [
            ("#1001", "USD", "paid", "email:ada@example.com"),
            ("#1002", "EUR", "cancelled", "email:ada@example.com"),
            ("#1003", "JPY", "placed", None),
        ]
        assert [line["sku"] for line in orders[0]["lines"]] == ["MUG-B", "Tea"]
        assert orders[0]["placed_at"] == "2024-03-01T14:00:00Z"
        assert orders[0]["shipping_address"]["city"] == "New York"
        assert [rejection.reason for rejection in rejections] == ["The currency is missing."]

    def test_becomes_customers(self, read: Any) -> None:
        mapping = Mapping.from_dict(SHOPIFY_MAPPING)

        _, customers, _ = group(read(SHOPIFY, mapping), mapping)

        assert list(customers) == ["email:ada@example.com"]
        customer = customers["email:ada@example.com"]
        assert customer["external_id"] is None
        assert (customer["first_name"], customer["last_name"]) == ("Ada", "King")
        assert [email["address"] for email in customer["emails"]] == ["Ada@example.com"]
        assert [phone["number"] for phone in customer["phones"]] == ["+12125550123"]
        assert [address["country"] for address in customer["addresses"]] == ["US", "FR"]


class TestPhonesFile:
    """Tabs, American dates, phones and e-mails as people type them."""

    def test_loses_no_row_for_a_messy_phone(self, read: Any) -> None:
        outcomes = read(PHONES, Mapping.from_dict(PHONES_MAPPING))

        lines = [outcome for outcome in outcomes if isinstance(outcome, Line)]
        assert [line.number for line in lines] == ["1", "2", "3", "4"]
        assert [line.buyer and line.buyer.phones for line in lines] == [
            ("+442079460018", "+447700900123"),
            ("+442079460018",),
            ("+33142685300",),
            (),
        ]

    def test_says_what_it_left_out(self, read: Any) -> None:
        outcomes = read(PHONES, Mapping.from_dict(PHONES_MAPPING))

        assert outcomes[0].notes == ()
        assert outcomes[1].notes == ('The e-mail "bob@@example" cannot be read and was left out.',)
        assert outcomes[3].notes == ('The phone "no phone" cannot be read and was left out.',)
        assert outcomes[3].place == Place(region="Narnia")

    def test_refuses_a_time_of_another_form(self, read: Any) -> None:
        outcomes = read(PHONES, Mapping.from_dict(PHONES_MAPPING))

        assert outcomes[0].placed_at == datetime(2023, 12, 31, 21, 30, tzinfo=UTC)
        reason = 'The time "13/02/2024" cannot be read as %m/%d/%Y %I:%M %p or %m/%d/%Y.'
        assert outcomes[4].reason == reason


@pytest.mark.skipif(
    not ONLINE_RETAIL.exists(),
    reason="The online retailer's file is not here.",
)
class TestOnlineRetail:
    """A real shop's nine months. The figures are the file's own, counted without this code."""

    def test_accounts_for_every_row(self, online_retail: list[Line | Rejection]) -> None:
        rejected = [outcome for outcome in online_retail if isinstance(outcome, Rejection)]
        accepted = [outcome for outcome in online_retail if isinstance(outcome, Line)]

        assert (len(online_retail), len(accepted), len(rejected)) == (320_705, 319_778, 927)
        assert total(accepted) == Decimal("5784055.502")
        assert total(rejected) == Decimal("-22124.120")
        assert total(online_retail) == Decimal("5761931.382")

    def test_becomes_orders_and_customers(self, online_retail: list[Line | Rejection]) -> None:
        orders, customers, _ = group(online_retail, online_retail_mapping())

        assert len(orders) == 15_532
        assert sum(order["kind"] == "return" for order in orders) == 2_554
        assert sum(order["customer_key"] is None for order in orders) == 1_690
        assert sum(len(order["lines"]) for order in orders) == 319_778
        assert len(customers) == 3_360
        assert all(key == f"id:{made['external_id']}" for key, made in customers.items())
        assert "id:17850" in customers

    def test_has_three_places_that_are_no_country(
        self, online_retail: list[Line | Rejection]
    ) -> None:
        places = {outcome.place for outcome in online_retail if isinstance(outcome, Line)}

        without_code = {place.region for place in places if place and not place.country}
        assert without_code == {"Channel Islands", "European Community", "Unspecified"}
        assert sum(bool(place and place.country) for place in places) == 34


def online_retail_mapping() -> Mapping:
    return Mapping.from_dict(json.loads(PRESET.read_text()))


def group(
    outcomes: list[Line | Rejection], mapping: Mapping
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]], list[Rejection]]:
    """Orders, customers by key, and rejections."""
    by_number: dict[str, list[Line]] = defaultdict(list)
    by_key: dict[str, list[Line]] = defaultdict(list)
    for line in outcomes:
        if isinstance(line, Line):
            by_number[line.number].append(line)
            by_key[customer_key(line) or ""].append(line)
    by_key.pop("", None)
    return (
        [build_order(lines, mapping) for lines in by_number.values()],
        {key: build_customer(lines) for key, lines in by_key.items()},
        [outcome for outcome in outcomes if isinstance(outcome, Rejection)],
    )


def total(outcomes: Iterable[Line | Rejection]) -> Decimal:
    """What outcomes come to, exactly."""
    found = Decimal(0)
    for outcome in outcomes:
        assert outcome.amount is not None
        found = model_lines.add(found, outcome.amount)
    return found


@pytest.fixture(scope="class")
def online_retail() -> list[Line | Rejection]:
    """What the rows of the real file come to."""
    with ONLINE_RETAIL.open("rb") as stream:
        rows = reader.read_rows(
            stream, online_retail_mapping(), now=datetime.now(UTC), most_bytes=100_000_000
        )
        return [outcome for _, _, outcome in rows]
