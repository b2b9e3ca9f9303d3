"""Customers and the rules they obey. Pure: no database, no clock, no framework."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from services.customers.model.names import name_key
from shared.errors import Conflict, FieldError, Invalid, NotFound, invalid
from shared.values.email import email_key

Preference = str | bool | int

CHANNELS = ("email", "phone", "sms", "post")
"""The ways by which the shop may turn to a customer."""


class EmailTaken(Conflict):
    """Another customer already has this e-mail address."""


class ExternalIdTaken(Conflict):
    """Another customer already has this external id."""


class CustomerDeletedSince(Conflict):
    """The customer whom the same request registered before was deleted."""

    @classmethod
    def of(cls, id: str) -> Self:
        """The refusal that names the customer."""
        message = "This Idempotency-Key registered a customer who was deleted; send a new one."
        return cls(message, errors=(FieldError("Idempotency-Key", message, id),))


class NoSuchCustomer(NotFound):
    """There is no customer with this id."""


class NotIdentifiable(Invalid):
    """A customer needs a name, an e-mail address, a phone number or an external id."""


class NotRecognisable(Invalid):
    """A customer in a bulk call could not be recognised when the call is repeated."""


@dataclass(frozen=True, kw_only=True)
class Email:
    """An e-mail address and what it is for."""

    address: str
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A phone number in E.164 form and what it is for."""

    number: str
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Address:
    """A postal address. `country` is an ISO 3166-1 alpha-2 code, or None where there is none."""

    label: str | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postcode: str | None = None
    country: str | None = None


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A person or a company that buys from the shop."""

    id: str
    external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    emails: tuple[Email, ...] = ()
    phones: tuple[Phone, ...] = ()
    addresses: tuple[Address, ...] = ()
    tags: tuple[str, ...] = ()
    preferences: dict[str, Preference]
    channels: dict[str, bool]
    """True for each of `CHANNELS` that the customer agrees to; nobody asked about one left out."""
    interests: tuple[str, ...] = ()
    created_at: datetime
    updated_at: datetime
    version: int = 1

    @classmethod
    def new(
        cls,
        *,
        id: str,
        now: datetime,
        preferences: dict[str, Preference] | None = None,
        channels: dict[str, bool] | None = None,
        **details: Any,
    ) -> Self:
        """A customer as registered at `now`.

        :raises NotIdentifiable: nothing in it says who this is.
        :raises Invalid: a value appears twice.
        """
        return cls(
            id=id,
            created_at=now,
            updated_at=now,
            preferences=preferences or {},
            channels=channels or {},
            **details,
        )._checked()

    def changed(self, *, now: datetime, **changes: Any) -> Self:
        """The customer with `changes` made at `now`; a list that is given replaces the old one.

        :raises NotIdentifiable: nothing would be left that says who this is.
        :raises Invalid: a value appears twice.
        """
        return replace(self, **changes, updated_at=now)._checked()

    @property
    def display_name(self) -> str:
        """The name a person would use for this customer, from the best that is known."""
        person = " ".join(part for part in (self.first_name, self.last_name) if part)
        contacts = (
            *(email.address for email in self.emails),
            *(phone.number for phone in self.phones),
        )
        return person or self.company or next(iter(contacts), None) or self.external_id or self.id

    @property
    def email_keys(self) -> list[str]:
        """The addresses in the form in which they are compared."""
        return [email_key(email.address) for email in self.emails]

    @property
    def name_keys(self) -> list[str]:
        """First, last and company name in the form in which they are searched."""
        keys = {name_key(name or "") for name in (self.first_name, self.last_name, self.company)}
        # A name of nothing but accents has no key.
        return sorted(keys - {""})

    def _checked(self) -> Self:
        identifiers = (self.last_name, self.company, self.external_id, self.emails, self.phones)
        if not any(identifiers):
            field_names = ("last_name", "company", "emails", "phones", "external_id")
            raise NotIdentifiable(
                "A customer needs a last_name, a company, an e-mail, a phone or an external_id.",
                errors=tuple(
                    FieldError(name, "At least one of these is needed.") for name in field_names
                ),
            )
        _refuse_repeats("emails", self.email_keys)
        _refuse_repeats("phones", [phone.number for phone in self.phones])
        _refuse_repeats("tags", list(self.tags))
        _refuse_repeats("interests", list(self.interests))
        return self


def _refuse_repeats(field: str, values: list[str]) -> None:
    if len(set(values)) < len(values):
        raise invalid(field, "The same value is given twice.")
