"""Many entries in one call, with one result for each: how they are read and answered."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from flask import Response, request
from marshmallow import Schema, ValidationError, fields

from shared.document import Document
from shared.errors import Refusal
from shared.web import problems, responses
from shared.web.parsing import refusal_of

View = TypeVar("View", bound=Callable[..., Any])


class BulkResultSchema(Schema):
    """What became of one entry. `problem` says why it was refused."""

    index = fields.Integer(required=True)
    status = fields.String(required=True, metadata={"enum": ["created", "unchanged", "refused"]})
    id = fields.String()
    problem = fields.Dict()


class BulkAnswerSchema(Schema):
    """One result for each entry, in their order."""

    results = fields.List(fields.Nested(BulkResultSchema), required=True)


def body_limit(most: int) -> Callable[[View], View]:
    """Let a view take bodies of up to `most` bytes instead of the usual limit."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            request.max_content_length = most
            return view(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return decorate


def load_entries(schema: Schema, entries: Sequence[Any]) -> list[Document | Refusal]:
    """Each entry as loaded by `schema`, or the refusal of that entry alone."""
    try:
        return list(schema.load(entries, many=True))
    except ValidationError:
        return [_load(schema, entry) for entry in entries]


def answer(outcomes: Sequence[Document]) -> Response:
    """The answer of a bulk route. An outcome has `status`, and `id` or `refusal`."""
    return responses.data(
        {"results": [_result(index, outcome) for index, outcome in enumerate(outcomes)]}
    )


def _load(schema: Schema, entry: Any) -> Document | Refusal:
    try:
        loaded: Document = schema.load(entry)
    except ValidationError as error:
        return refusal_of(error.messages)
    return loaded


def _result(index: int, outcome: Document) -> Document:
    if "refusal" in outcome:
        return {
            "index": index,
            "status": "refused",
            "problem": problems.describe(outcome["refusal"]),
        }
    return {"index": index, "status": outcome["status"], "id": outcome["id"]}
