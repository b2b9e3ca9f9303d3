"""What may come in as a user or a sign-in, without any server."""

import unicodedata
from typing import Any, Literal

import pytest
from marshmallow import ValidationError

from services.accounts.schemas import (
    DelegationSchema,
    NewUserSchema,
    RefreshSchema,
    SignInSchema,
    UserChangesSchema,
    UserSchema,
)

Body = dict[str, Any]

ANN: Body = {
    "email": "Ann@Example.COM",
    "name": " Ann Lee ",
    "role": "sales",
    "password": "correct horse",
}


class TestNewUser:
    def test_is_normalised_but_for_the_password(self) -> None:
        loaded = NewUserSchema().load(ANN | {"password": "  spaces count  "})

        assert loaded == {
            "email": "Ann@example.com",
            "name": "Ann Lee",
            "role": "sales",
            "password": "  spaces count  ",
        }

    @pytest.mark.parametrize("password", ["x" * 12, "x" * 128, "пароль пароль", "\x00" * 12])
    def test_may_have_any_password_of_some_length(self, password: str) -> None:
        assert NewUserSchema().load(ANN | {"password": password})["password"] == password

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_has_a_password_of_one_form(self, form: Literal["NFC", "NFD"]) -> None:
        typed = unicodedata.normalize(form, "é" * 128)

        assert NewUserSchema().load(ANN | {"password": typed})["password"] == "é" * 128

    @pytest.mark.parametrize("field", ANN)
    def test_needs_every_field(self, field: str) -> None:
        body = {name: value for name, value in ANN.items() if name != field}

        assert list(NewUserSchema().validate(body)) == [field]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "ann"),
            ("email", "x" * 255),
            ("name", ""),
            ("name", "x" * 201),
            ("role", "owner"),
            ("role", "Admin"),
            ("password", "x" * 11),
            ("password", "x" * 129),
            ("active", True),
            ("id", "0" * 24),
            ("password_hash", "$argon2id$"),
        ],
    )
    def test_is_refused_naming_the_field(self, field: str, value: Any) -> None:
        with pytest.raises(ValidationError) as failure:
            NewUserSchema().load(ANN | {field: value})

        assert list(failure.value.messages) == [field]


class TestChanges:
    @pytest.mark.parametrize("body", [{}, {"active": False}, {"role": "admin"}], ids=str)
    def test_may_be_few(self, body: Body) -> None:
        assert UserChangesSchema().load(body) == body

    @pytest.mark.parametrize("active", ["false", "no", 2, None, []], ids=str)
    def test_active_is_yes_or_no(self, active: Any) -> None:
        assert list(UserChangesSchema().validate({"active": active})) == ["active"]


class TestUser:
    def test_shows_no_password(self) -> None:
        assert not {"password", "password_hash"} & UserSchema().fields.keys()


class TestTokens:
    def test_a_password_is_as_long_as_one_can_be(self) -> None:
        body = {"email": "ann@example.com", "password": "x" * 129}

        assert list(SignInSchema().validate(body)) == ["password"]

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_a_password_is_measured_in_one_form_and_kept_in_its_own(
        self, form: Literal["NFC", "NFD"]
    ) -> None:
        typed = unicodedata.normalize(form, "é" * 128)
        body = {"email": "ann@example.com", "password": typed}

        assert SignInSchema().load(body)["password"] == typed

    def test_a_refresh_token_is_not_endless(self) -> None:
        assert list(RefreshSchema().validate({"refresh_token": "x" * 201})) == ["refresh_token"]

    def test_only_imports_acts_for_others(self) -> None:
        assert DelegationSchema().validate({"to": "imports"}) == {}
        assert list(DelegationSchema().validate({"to": "orders"})) == ["to"]
