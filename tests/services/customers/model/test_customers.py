"""The rules of customers, without any server."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.customers.model.customers import Customer, Email, NotIdentifiable, Phone
from services.customers.model.names import name_key
from shared.errors import Invalid
from shared.values.email import email_address, email_key
from shared.values.phone import phone_number

Make = Callable[..., Customer]

EACH_IDENTIFIER: tuple[dict[str, Any], ...] = (
    {"last_name": "Lee"},
    {"company": "Lee & Co"},
    {"external_id": "17850"},
    {"emails": (Email(address="lee@example.com"),)},
    {"phones": (Phone(number="+442079460958"),)},
)


class TestIdentifiers:
    @pytest.mark.parametrize("details", EACH_IDENTIFIER, ids=lambda details: next(iter(details)))
    def test_each_suffices_alone(self, make_customer: Make, details: dict[str, Any]) -> None:
        customer = make_customer(**{"last_name": None} | details)

        assert customer.version == 1

    @pytest.mark.parametrize(
        "details",
        [{}, {"first_name": "Ann"}, {"tags": ("vip",)}, {"last_name": ""}, {"emails": ()}],
        ids=str,
    )
    def test_one_is_needed(self, make_customer: Make, details: dict[str, Any]) -> None:
        with pytest.raises(NotIdentifiable) as refusal:
            make_customer(**{"last_name": None} | details)

        assert {error.field for error in refusal.value.errors} == {
            "last_name",
            "company",
            "emails",
            "phones",
            "external_id",
        }

    def test_the_last_one_stays(self, make_customer: Make) -> None:
        customer = make_customer()

        with pytest.raises(NotIdentifiable):
            customer.changed(now=customer.created_at, last_name=None)


class TestChanged:
    def test_changes_what_is_given_and_nothing_else(self, make_customer: Make) -> None:
        customer = make_customer(first_name="Ann", tags=("vip",))
        later = customer.created_at + timedelta(days=1)

        changed = customer.changed(now=later, first_name=None, tags=("new",))

        assert (changed.first_name, changed.last_name, changed.tags) == (None, "Lee", ("new",))
        assert (changed.created_at, changed.updated_at) == (customer.created_at, later)
        assert (customer.first_name, customer.tags) == ("Ann", ("vip",))


class TestRepeats:
    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("emails", (Email(address="lee@example.com"), Email(address="LEE@example.com"))),
            (
                "emails",
                (Email(address="jose\u0301@example.com"), Email(address="josé@EXAMPLE.com")),
            ),
            ("phones", (Phone(number="+442079460958"), Phone(number="+442079460958", label="x"))),
            ("tags", ("vip", "vip")),
            ("interests", ("garden", "garden")),
        ],
        ids=str,
    )
    def test_are_refused(self, make_customer: Make, field: str, values: tuple[Any, ...]) -> None:
        with pytest.raises(Invalid) as refusal:
            make_customer(**{field: values})

        assert [error.field for error in refusal.value.errors] == [field]


class TestDisplayName:
    @pytest.mark.parametrize(
        ("details", "name"),
        [
            ({"first_name": "Ann"}, "Ann Lee"),
            ({"last_name": None, "first_name": "Ann", "company": "Lee & Co"}, "Ann"),
            ({"last_name": None, "company": "Lee & Co", "external_id": "1"}, "Lee & Co"),
            ({"last_name": None, "external_id": "1", **EACH_IDENTIFIER[3]}, "lee@example.com"),
            ({"last_name": None, "external_id": "1", **EACH_IDENTIFIER[4]}, "+442079460958"),
            ({"last_name": None, "external_id": "1"}, "1"),
        ],
        ids=str,
    )
    def test_is_the_best_that_is_known(
        self, make_customer: Make, details: dict[str, Any], name: str
    ) -> None:
        assert make_customer(**details).display_name == name


class TestEmailKey:
    @pytest.mark.parametrize(
        "variants",
        [
            ("lee@example.com", "Lee@Example.COM", " LEE@EXAMPLE.COM ", "\uff4cee@example.com"),
            ("josé@example.com", "jose\u0301@example.com", "JOSÉ@example.com"),
            ("straße@example.com", "STRASSE@example.com", "strasse@example.com"),
            ("k@example.com", "\u212a@example.com"),
            ("fi@example.com", "\ufb01@example.com"),
            ("\u03c3\u03b1\u03c2@example.com", "ΣΑΣ@example.com", "\u03c3\u03b1\u03c3@example.com"),
        ],
        ids=str,
    )
    def test_is_one_for_all_ways_of_typing(self, variants: tuple[str, ...]) -> None:
        assert len({email_key(address) for address in variants}) == 1

    def test_keeps_apart_what_is_not_the_same(self) -> None:
        addresses = ["a.b@example.com", "ab@example.com", "a+b@example.com", "á@example.com"]

        assert len({email_key(address) for address in addresses}) == len(addresses)


class TestEmailAddress:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("Lee@Example.COM", "Lee@example.com"),
            ("lee@xn--bcher-kva.de", "lee@bücher.de"),
            ("jose\u0301@example.com", "josé@example.com"),
        ],
    )
    def test_is_normalised(self, text: str, address: str) -> None:
        assert email_address(text) == address

    @pytest.mark.parametrize(
        "text",
        [
            "lee",
            "@example.com",
            "lee@",
            "lee@example",
            "lee@@example.com",
            "lee@example..com",
            "lee lee@example.com",
            "Lee <lee@example.com>",
            "lee@[127.0.0.1]",
            ".lee@example.com",
            "x" * 300 + "@example.com",
        ],
    )
    def test_is_refused_with_the_reason(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"\w{3,}"):
            email_address(text)


class TestNameKey:
    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("Müller", "muller"),
            ("GARCÍA", "garcia"),
            ("  O'Brien   Smith ", "o'brien smith"),
            ("Ñandú", "nandu"),
            ("Weiß", "weiss"),
            ("WEIẞ", "weiss"),
            ("Ødegård", "odegard"),
            ("Łukasz", "lukasz"),
            ("Đorđe", "dorde"),
            ("Æsir", "aesir"),
            ("Œuvre", "oeuvre"),
            ("Þórr", "thorr"),
            ("Ħal", "hal"),
            ("YILMAZ", "yilmaz"),
            ("Yılmaz", "yilmaz"),
            ("İpek", "ipek"),
            ("Nguyễn", "nguyen"),
            ("Γιώργος", "γιωργοσ"),
            ("ΓΙΏΡΓΟΣ", "γιωργοσ"),
            ("Пётр", "петр"),
            ("佐藤", "佐藤"),
            ("ｻﾄｳ", "サトウ"),
            ("김", "\u1100\u1175\u11b7"),
            ("مُحَمَّد", "محمد"),
            ("محـــمد", "محمد"),
            ("أحمد", "احمد"),
            ("\u0301", ""),
            ("\u00b4", ""),
        ],
    )
    def test_has_no_case_and_no_accents(self, name: str, key: str) -> None:
        assert name_key(name) == key

    def test_a_name_without_letters_is_not_searched(self, make_customer: Make) -> None:
        assert make_customer(last_name="\u00b4", company="Lee & Co").name_keys == ["lee & co"]

    def test_equal_names_are_searched_once(self, make_customer: Make) -> None:
        assert make_customer(last_name="Lee", company="LEE").name_keys == ["lee"]


class TestPhoneNumber:
    @pytest.mark.parametrize(
        ("text", "region", "number"),
        [
            ("+44 20 7946 0958", None, "+442079460958"),
            ("+44 (0)20 7946-0958", None, "+442079460958"),
            ("+44 20 7946 0958 ext. 12", None, "+442079460958"),
            ("tel:+1-617-555-0123", None, "+16175550123"),
            ("020 7946 0958", "GB", "+442079460958"),
            ("0044 20 7946 0958", "DE", "+442079460958"),
            ("+39 06 1234 5678", None, "+390612345678"),
            ("\uff0b\uff144 20 7946 0958", None, "+442079460958"),
        ],
    )
    def test_becomes_e164(self, text: str, region: str | None, number: str) -> None:
        assert phone_number(text, region=region) == number

    @pytest.mark.parametrize(
        "text",
        ["", "phone", "+", "+44", "020 7946 0958", "+44 207", "+1 617 555 01234 5", "+999 1234"],
    )
    def test_is_refused_with_the_reason(self, text: str) -> None:
        with pytest.raises(ValueError, match="phone number"):
            phone_number(text)

    def test_has_no_more_digits_than_e164_allows(self) -> None:
        assert phone_number("+49 1234567890123") == "+491234567890123"
        with pytest.raises(ValueError, match="another length"):
            phone_number("+49 12345678901234")
