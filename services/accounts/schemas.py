"""JSON of accounts, a class for each direction. Knows neither HTTP nor MongoDB."""

from typing import Any

from marshmallow import fields, validate

from services.accounts.repository.filters import FILTERS
from shared.auth.roles import ROLES
from shared.web.email_field import EmailField
from shared.web.fields import Text, Time, YesNo
from shared.web.queries import PageQuerySchema, filter_fields
from shared.web.schemas import Schema

SHORTEST_PASSWORD = 10
MAX_PASSWORD_LENGTH = 128


def _password(**kwargs: Any) -> fields.String:
    # The longest is there because hashing a megabyte is work that anybody could order.
    length = validate.Length(SHORTEST_PASSWORD, MAX_PASSWORD_LENGTH)
    return fields.String(validate=length, load_only=True, metadata={"format": "password"}, **kwargs)


def _role(**kwargs: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(ROLES), **kwargs)


class NewUserSchema(Schema):
    """A member of staff to give a log-in."""

    email = EmailField(max_length=254, required=True)
    name = Text(max_length=200, required=True)
    role = _role(required=True)
    password = _password(required=True)


class UserChangesSchema(Schema):
    """Changes to a user. Fields that are not sent stay."""

    email = EmailField(max_length=254)
    name = Text(max_length=200)
    role = _role()
    active = YesNo()
    password = _password()


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
    """The name and password of a user who signs in."""

    email = fields.String(required=True, validate=validate.Length(max=254))
    password = fields.String(
        required=True,
        load_only=True,
        validate=validate.Length(max=MAX_PASSWORD_LENGTH),
        metadata={"format": "password"},
    )


class RefreshSchema(Schema):
    """A refresh token."""

    refresh_token = fields.String(required=True, validate=validate.Length(max=200))


class DelegationSchema(Schema):
    """The service that is to act for the caller."""

    to = fields.String(required=True, validate=validate.OneOf(["imports"]))


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
