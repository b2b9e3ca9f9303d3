"""Parsing of requests: JSON bodies, query strings and headers, and the blueprint that uses it.

Knows no schema.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import marshmallow
from flask import Request, request
from flask_smorest import Blueprint
from webargs import ValidationError
from webargs.flaskparser import FlaskParser

from shared.errors import Malformed, UnsupportedFormat
from shared.values import strict_json
from shared.web.bodies import countable
from shared.web.description import REFUSALS
from shared.web.faults import refusal_of

View = TypeVar("View", bound=Callable[..., Any])

IF_MATCH = r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'
"""The form of the header, for documents; what it means is in `shared.web.preconditions`."""

_KEY = re.compile(r"^[\x21-\x7e]{1,200}$")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


class Parser(FlaskParser):
    """webargs with our refusals.

    Orjson's strictness, unknown parameters refused, dotted field paths.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - webargs' own declaration
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        # A misspelt filter that is ignored would answer with everything.
        "query": marshmallow.RAISE,
    }

    def load_json(self, req: Request, schema: marshmallow.Schema) -> Any:
        """The body, which has to be JSON and say so."""
        if req.mimetype != "application/json" and not req.mimetype.endswith("+json"):
            raise UnsupportedFormat("Send JSON, with Content-Type: application/json.")
        try:
            return strict_json.loads(countable(req.get_data(cache=False)))
        except strict_json.NotJson as error:
            raise Malformed(f"The body is not valid JSON ({error}).") from error
        except strict_json.NameTwice as error:
            raise Malformed(f"{error}; send it once.") from error

    def load_querystring(self, req: Request, schema: marshmallow.Schema) -> Any:
        """The query string. A parameter that stands for one value may come once only.

        Of `kind=note&kind=call` the list would be of one kind, and say nothing of the other.
        """
        repeated = {
            name: ["It is given more than once."]
            for name, values in req.args.lists()
            if len(values) > 1
            and name in schema.load_fields
            and not isinstance(schema.load_fields[name], marshmallow.fields.List)
        }
        if repeated:
            raise refusal_of(repeated)
        return super().load_querystring(req, schema)

    def handle_error(
        self,
        error: ValidationError,
        req: Request,
        schema: marshmallow.Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        """Refuse, naming each field."""
        messages = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        by_field = next(iter(messages.values())) if len(messages) == 1 else messages
        raise refusal_of(by_field) from error


class ApiBlueprint(Blueprint):
    """A group of routes with our parser, and answers that are documented but not dumped again."""

    ARGUMENTS_PARSER = Parser()

    def answers(
        self,
        status: int,
        schema: type[marshmallow.Schema] | None = None,
        *,
        description: str | None = None,
        content_type: str | None = None,
    ) -> Callable[[View], View]:
        """Document what a view answers. A view renders by itself (`shared.web.responses`).

        What goes out is held to the document by tests, so no request pays for a second pass.
        """
        document: Callable[[View], View] = self.alt_response(
            status, schema=schema, description=description, content_type=content_type, success=True
        )
        return document

    def refuses(self, *statuses: int) -> Callable[[View], View]:
        """Document the statuses of a view's own refusals.

        Those that its parameters, its body and its roles lead to are documented by themselves.
        """
        document: Callable[[View], View] = self.doc(**{REFUSALS: list(statuses)})
        return document

    def documents_creation(self) -> Callable[[View], View]:
        """Document that a POST may be sent twice under one Idempotency-Key."""
        return self._documents_header(
            "Idempotency-Key",
            required=False,
            pattern="^[!-~]{1,200}$",
            description=(
                "1 to 200 visible ASCII characters. Sent again with the same body, the first "
                "answer comes again."
            ),
        )

    def documents_precondition(self) -> Callable[[View], View]:
        """Document that a change has to name the version it is meant for."""
        return self._documents_header(
            "If-Match",
            required=True,
            pattern=IF_MATCH,
            description=(
                "The ETag of the version to change, several of them, or * for whichever is there: "
                "missing 428, outdated 412."
            ),
        )

    def _documents_header(
        self, name: str, *, required: bool, pattern: str, description: str
    ) -> Callable[[View], View]:
        document: Callable[[View], View] = self.doc(
            parameters=[
                {
                    "in": "header",
                    "name": name,
                    "required": required,
                    "description": description,
                    "schema": {"type": "string", "pattern": pattern},
                },
            ]
        )
        return document


def idempotency_key() -> str | None:
    """The caller's Idempotency-Key, if there is one.

    :raises Malformed: it is longer than 200 characters, or has spaces or control characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.match(key):
        raise Malformed("An Idempotency-Key is 1 to 200 visible ASCII characters.")
    return key


def given_request_id() -> str | None:
    """The caller's X-Request-Id, if it is harmless to log."""
    given = request.headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.match(given) else None
