"""Bulk calls: many entries in one body, read one by one, with one result for each."""

from collections.abc import Sequence
from typing import Any

from flask import Response
from marshmallow import Schema, ValidationError, fields

from shared.document import Document
from shared.errors import Refusal
from shared.web import problems, responses
from shared.web.parsing import refusal_of

MAX_ENTRIES = 1_000
MAX_BULK_BODY_BYTES = 16 * 1024 * 1024
"""Room for `MAX_ENTRIES` customers or orders of many fields each."""


class BulkResultSchema(Schema):
    """The outcome of one entry. `problem` says why it was refused."""

    index = fields.Integer(required=True)
    status = fields.String(required=True, metadata={"enum": ["created", "unchanged", "refused"]})
    id = fields.String()
    problem = fields.Dict()


class BulkAnswerSchema(Schema):
    """One result for each entry, in their order."""

    results = fields.List(fields.Nested(BulkResultSchema), required=True)


def entry_field(name: str) -> fields.Raw:
    """The field of one entry, which the schema of this name reads later, each entry by itself.

    Null is an entry as wrong as any other, and no reason to refuse the rest.
    """
    reference = {"$ref": f"#/components/schemas/{name}"}
    wrong = {"description": "Anything else is refused alone, and the other entries are taken."}
    return fields.Raw(allow_none=True, metadata={"anyOf": [reference, wrong]})


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
