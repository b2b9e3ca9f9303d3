"""What may come in as a customer, without any server."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from marshmallow import ValidationError

from services.customers.model.customers import Address, Email, Phone
from services.customers.schemas.customers import (
    BulkCustomersSchema,
    CustomerChangesSchema,
    CustomerQuerySchema,
    NewCustomerSchema,
)
from shared.web.faults import refusal_of

Body = dict[str, Any]


@pytest.mark.usefixtures("shop_in")
class TestNewCustomer:
    def test_becomes_what_the_model_takes(self) -> None:
        loaded = NewCustomerSchema().load(
            {
                "external_id": " 17850 ",
                "last_name": "Garci\u0301a",
                "emails": [{"address": "Ann@Example.COM", "label": "private"}],
                "phones": [{"number": "+44 20 7946 0958"}],
                "addresses": [{"city": "York", "country": "gb"}],
                "tags": ["vip"],
                "preferences": {"newsletter": True, "language": "en", "size": 38},
                "channels": {"email": True, "sms": False},
                "interests": ["garden"],
            }
        )

        assert loaded == {
            "external_id": "17850",
            "last_name": "García",
            "emails": (Email(address="Ann@example.com", label="private"),),
            "phones": (Phone(number="+442079460958"),),
            "addresses": (Address(city="York", country="GB"),),
            "tags": ("vip",),
            "preferences": {"newsletter": True, "language": "en", "size": 38},
            "channels": {"email": True, "sms": False},
            "interests": ("garden",),
        }

    @pytest.mark.parametrize(
        "body",
        [
            {"last_name": "x" * 100},
            {"company": "x" * 200},
            {"external_id": "$gt"},
            {"last_name": "'; DROP TABLE customers; --"},
            {"last_name": "<script>alert(1)</script>"},
            {"last_name": "李"},
            {"last_name": "👩‍👩‍👧"},
            {"addresses": [{"line1": "Flat 2\nHigh Street"}]},
            {"addresses": [{"country": None}]},
            {"tags": ["x" * 50] * 1},
            {"preferences": {"a" * 50: "x" * 500}},
            {"preferences": {"a": 2**53 - 1}},
            {"preferences": {"a": -(2**53) + 1}},
            {"preferences": {"a": False}},
            {"channels": {}},
            {"channels": {"email": False, "phone": True, "sms": True, "post": False}},
            {"interests": []},
            {"first_name": None},
            {},
        ],
        ids=lambda body: str(body)[:60],
    )
    def test_is_taken(self, body: Body) -> None:
        assert NewCustomerSchema().load(body).keys() == body.keys()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"last_name": "x" * 101}, "last_name"),
            ({"last_name": ""}, "last_name"),
            ({"company": "x" * 201}, "company"),
            ({"external_id": "x" * 101}, "external_id"),
            ({"external_id": 17850}, "external_id"),
            ({"emails": [{"address": "lee"}]}, "emails.0.address"),
            ({"emails": [{"address": "lee@example.com"}, {}]}, "emails.1.address"),
            ({"emails": [{"address": "lee@example.com", "label": "x" * 51}]}, "emails.0.label"),
            ({"emails": [{"address": "lee@example.com", "name": "Lee"}]}, "emails.0.name"),
            ({"emails": [{"address": "lee@example.com"}] * 21}, "emails"),
            ({"emails": None}, "emails"),
            ({"phones": [{"number": "+44"}]}, "phones.0.number"),
            ({"phones": [{"number": "020 7946 0958"}]}, "phones.0.number"),
            ({"phones": [{"number": "+442079460958"}] * 21}, "phones"),
            ({"addresses": [{}] * 51}, "addresses"),
            ({"addresses": [{"postcode": "x" * 21}]}, "addresses.0.postcode"),
            ({"addresses": [{"country": "GBR"}]}, "addresses.0.country"),
            ({"addresses": [{"country": "XX"}]}, "addresses.0.country"),
            ({"addresses": [{"country": "UK"}]}, "addresses.0.country"),
            ({"addresses": [{"country": "u\u017f"}]}, "addresses.0.country"),
            ({"tags": ["x" * 51]}, "tags.0"),
            ({"tags": [str(number) for number in range(51)]}, "tags"),
            ({"tags": "vip"}, "tags"),
            ({"preferences": {"Language": "en"}}, "preferences.Language.key"),
            ({"preferences": {"a\n": "en"}}, "preferences.a\n.key"),
            ({"preferences": {"$set": "en"}}, "preferences.$set.key"),
            ({"preferences": {"a.b": "en"}}, "preferences.a.b.key"),
            ({"preferences": {"a": 1.5}}, "preferences.a.value"),
            ({"preferences": {"a": 2**53}}, "preferences.a.value"),
            ({"preferences": {"a": None}}, "preferences.a.value"),
            ({"preferences": {"a": ["en"]}}, "preferences.a.value"),
            ({"preferences": {f"a{number}": 1 for number in range(51)}}, "preferences"),
            ({"channels": {"fax": True}}, "channels.fax"),
            ({"channels": {"email": None}}, "channels.email"),
            ({"channels": {"email": "yes"}}, "channels.email"),
            ({"channels": ["email"]}, "channels"),
            ({"interests": [""]}, "interests.0"),
            ({"interests": "garden"}, "interests"),
            ({"id": "0" * 24}, "id"),
            ({"version": 2}, "version"),
            ({"purchases": {}}, "purchases"),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_is_refused_naming_the_field(self, body: Body, field: str) -> None:
        with pytest.raises(ValidationError) as failure:
            NewCustomerSchema().load(body)

        assert [error.field for error in refusal_of(failure.value.messages).errors] == [field]

    def test_a_number_without_country_code_is_the_shops_own(self, shop_in: Flask) -> None:
        shop_in.config["DEFAULT_PHONE_REGION"] = "GB"

        loaded = NewCustomerSchema().load({"phones": [{"number": "020 7946 0958"}]})

        assert loaded["phones"] == (Phone(number="+442079460958"),)


@pytest.mark.usefixtures("shop_in")
class TestChanges:
    @pytest.mark.parametrize("field", ["external_id", "first_name", "last_name", "company"])
    def test_single_values_may_be_taken_away(self, field: str) -> None:
        assert CustomerChangesSchema().load({field: None}) == {field: None}

    @pytest.mark.parametrize(
        "field",
        ["emails", "phones", "addresses", "tags", "preferences", "channels", "interests"],
    )
    def test_lists_may_be_emptied_but_not_null(self, field: str) -> None:
        with pytest.raises(ValidationError) as failure:
            CustomerChangesSchema().load({field: None})

        assert list(failure.value.messages) == [field]

    def test_what_is_not_sent_stays(self) -> None:
        assert CustomerChangesSchema().load({}) == {}


@pytest.mark.usefixtures("shop_in")
class TestQuery:
    def test_has_a_limit_of_its_own(self) -> None:
        assert CustomerQuerySchema().load({}) == {"limit": 50}

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"limit": "0"}, "limit"),
            ({"limit": "201"}, "limit"),
            ({"limit": "ten"}, "limit"),
            ({"phone": "020"}, "phone"),
            ({"q": ""}, "q"),
            ({"q": "a\x00"}, "q"),
            ({"tag": "x" * 51}, "tag"),
            ({"lastname": "Lee"}, "lastname"),
            ({"id": ["1"] * 201}, "id"),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_is_refused_naming_the_parameter(self, query: Body, field: str) -> None:
        with pytest.raises(ValidationError) as failure:
            CustomerQuerySchema().load(query)

        assert list(failure.value.messages) == [field]


class TestBulk:
    @pytest.mark.parametrize("entry", [{}, None, 5, [], "text"], ids=str)
    def test_entries_are_not_judged_yet(self, entry: Any) -> None:
        loaded = BulkCustomersSchema().load({"batch": "one", "entries": [entry]})

        assert loaded["entries"] == [entry]

    @pytest.mark.parametrize("count", [0, 1_001])
    def test_holds_1_to_1000_entries(self, count: int) -> None:
        with pytest.raises(ValidationError) as failure:
            BulkCustomersSchema().load({"batch": "one", "entries": [{}] * count})

        assert list(failure.value.messages) == ["entries"]


@pytest.fixture
def shop_in() -> Iterator[Flask]:
    """An application whose shop is in no country in particular, as the schemas find it."""
    app = Flask(__name__)
    with app.app_context():
        yield app
