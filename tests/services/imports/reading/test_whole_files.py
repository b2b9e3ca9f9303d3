"""Files as different shops write them, from bytes to orders and customers."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.imports.model.lines import Line, Place
from services.imports.reading.mapping import Mapping

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

    def test_becomes_orders(self, read: Any, group: Any) -> None:
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

    def test_becomes_customers(self, read: Any, group: Any) -> None:
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

    def test_becomes_orders(self, read: Any, group: Any) -> None:
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

    def test_becomes_customers(self, read: Any, group: Any) -> None:
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
