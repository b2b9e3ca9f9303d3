"""JSON of accounts, a class for each direction. Knows neither HTTP nor MongoDB."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from services.accounts import passwords
from services.accounts.repository.filters import FILTERS
from shared.auth.roles import ROLES
from shared.identifiers import PATTERN
from shared.web.email_field import EmailField
from shared.web.fields import Text, Time, YesNo
from shared.web.queries import PageQuerySchema, filter_fields
from shared.web.schemas import Schema

_LENGTH = validate.Length(passwords.SHORTEST, passwords.LONGEST)


class PasswordField(fields.String):
    """A password that is there already, as it was typed."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        password: str = super()._deserialize(value, attr, data, **kwargs)
        # Hashing a megabyte is work that anybody could order, and so is another form of it.
        if len(password) > passwords.LONGEST_RAW or (
            len(password) > passwords.LONGEST
            and len(passwords.canonical(password)) > passwords.LONGEST
        ):
            raise ValidationError(f"Longer than maximum length {passwords.LONGEST}.")
        return password


class NewPasswordField(PasswordField):
    """A password to be set, in the common form. Operations look at what it is made of."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return passwords.canonical(super()._deserialize(value, attr, data, **kwargs))


def _password(**kwargs: Any) -> PasswordField:
    metadata = {"format": "password", "maxLength": passwords.LONGEST}
    return PasswordField(load_only=True, metadata=metadata, **kwargs)


def _new_password(**kwargs: Any) -> NewPasswordField:
    metadata = {
        "format": "password",
        "description": "No common one, no run, and not the user's name or address.",
    }
    return NewPasswordField(validate=_LENGTH, load_only=True, metadata=metadata, **kwargs)


def _role(**kwargs: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(ROLES), **kwargs)


class NewUserSchema(Schema):
    """A member of staff to give a log-in."""

    email = EmailField(max_length=254, required=True)
    name = Text(max_length=200, required=True)
    role = _role(required=True)
    password = _new_password(required=True)


class UserChangesSchema(Schema):
    """Changes to a user. Fields that are not sent stay."""

    email = EmailField(max_length=254)
    name = Text(max_length=200)
    role = _role()
    active = YesNo()
    password = _new_password()


class OwnPasswordSchema(Schema):
    """The caller's password, and the one that takes its place."""

    old_password = _password(required=True)
    new_password = _new_password(required=True)


class UserSchema(Schema):
    """A member of staff."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = _role(required=True)
    active = fields.Boolean(required=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)


class UserPageSchema(Schema):
    """A page of users; `next` is the cursor of the page after, or null."""

    items = fields.List(fields.Nested(UserSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class UserQuerySchema(PageQuerySchema):
    """The filters of a list of users."""

    class Meta:
        """One field for each filter that the list declares."""

        include = filter_fields(FILTERS)


class SignInSchema(Schema):
    """The name and password of a user who signs in; a one-time password needs a new one."""

    email = fields.String(required=True, validate=validate.Length(max=254))
    password = _password(required=True)
    new_password = _new_password()


class RefreshSchema(Schema):
    """A refresh token."""

    refresh_token = fields.String(required=True, validate=validate.Length(max=200))


class DelegationSchema(Schema):
    """The service that is to act for the caller."""

    to = fields.String(required=True, validate=validate.OneOf(["imports"]))


class DelegationQuerySchema(Schema):
    """Whose delegations to list."""

    user_id = fields.String(validate=validate.Regexp(PATTERN.pattern + r"\Z"))


class DelegationItemSchema(Schema):
    """A delegation: the service that may act for a user, and until when."""

    id = fields.String(required=True)
    user_id = fields.String(required=True)
    via = fields.String(required=True)
    created_at = Time(required=True)
    expires_at = Time(required=True)


class DelegationsSchema(Schema):
    """Delegations, newest first."""

    items = fields.List(fields.Nested(DelegationItemSchema), required=True)


class SignedInUserSchema(Schema):
    """The user who signed in."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    role = _role(required=True)


class TokensSchema(Schema):
    """An access token for ten minutes, and a refresh token to get the next pair with."""

    access_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
    refresh_token = fields.String(required=True)
    refresh_expires_at = Time(required=True)
    user = fields.Nested(SignedInUserSchema, required=True)
