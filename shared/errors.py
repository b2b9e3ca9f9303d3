"""Refusals of a service, by kind. Knows no HTTP: `shared.web.problems` gives them a status."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field. `field` is a dotted path, such as `lines.0.quantity`."""

    field: str
    message: str
    holder: str | None = None
    """The id of the document that already has a value which must be unique."""


class Refusal(Exception):
    """A request that is not fulfilled. The message is a sentence that the caller may read."""

    def __init__(
        self, message: str = "", *, errors: tuple[FieldError, ...] = (), more_errors: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors
        self.more_errors = more_errors


class Malformed(Refusal):
    """The request cannot be read at all."""


class Unauthenticated(Refusal):
    """Nobody known is asking."""


class Forbidden(Refusal):
    """The caller is known and may not do this."""


class NotFound(Refusal):
    """There is no such thing."""


class Conflict(Refusal):
    """The request is fine by itself, but not in the present state."""


class Stale(Refusal):
    """Somebody else changed it first."""


class TooLarge(Refusal):
    """More was sent than is taken in one request."""


class UnsupportedFormat(Refusal):
    """The content is of a type that is not read here."""


class Invalid(Refusal):
    """The request can be read, but breaks a rule; `errors` says which fields."""


class VersionMissing(Refusal):
    """A change was asked for without saying which version it is meant for."""


class TooMany(Refusal):
    """The caller asks too often; `retry_after` is in seconds."""

    def __init__(self, message: str = "", *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """A server that is needed does not answer now; the same request may work later."""


def invalid(field: str, message: str) -> Invalid:
    """An `Invalid` about one field."""
    return Invalid("The request breaks a rule.", errors=(FieldError(field, message),))
