"""Bulk calls: many entries in one body, read one by one, with one result for each."""

import time
from collections.abc import Sequence
from typing import Any

from flask import Response
from marshmallow import Schema, ValidationError, fields

from shared.document import Document
from shared.errors import Refusal
from shared.web import problems, responses
from shared.web.faults import refusal_of

MAX_ENTRIES = 1_000
MAX_BULK_BODY_BYTES = 8 * 1024 * 1024
"""Room for `MAX_ENTRIES` customers or orders of many fields each."""

MAX_CALL_ERRORS = 200
"""How many faults one call names; entries after that say how many they have."""

_SLICE = 10


class BulkResultSchema(Schema):
    """The outcome of one entry. `problem` says why it was refused.

    Its `errors` are 20 at most, and 200 in all results together; `more_errors` counts the others.
    """

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
    loaded = []
    for begin in range(0, len(entries), _SLICE):
        loaded += [_load(schema, entry) for entry in entries[begin : begin + _SLICE]]
        # Whoever waits for the interpreter has it now, and not when it is taken from us.
        time.sleep(0)
    return loaded


def answer(outcomes: Sequence[Document]) -> Response:
    """The answer of a bulk route. An outcome has `status`, and `id` or `refusal`."""
    results = [_result(index, outcome) for index, outcome in enumerate(outcomes)]
    _share([result["problem"] for result in results if "problem" in result])
    return responses.data({"results": results})


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


def _share(described: Sequence[Document]) -> None:
    """Leave as many faults as one call names: one of each entry before a second one of any."""
    faulty = [problem for problem in described if problem.get("errors")]
    room = max(0, MAX_CALL_ERRORS - len(faulty))
    for place, problem in enumerate(faulty):
        errors = problem["errors"]
        kept = min(len(errors), 1 + room) if place < MAX_CALL_ERRORS else 0
        room -= max(0, kept - 1)
        if kept < len(errors):
            problem["more_errors"] = problem.get("more_errors", 0) + len(errors) - kept
            problem["errors"] = errors[:kept]
