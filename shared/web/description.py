"""The OpenAPI document of a service, completed by what is the same for all: names, roles, refusals.

Knows no service. A route says what else it refuses with `ApiBlueprint.refuses`.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from flask import Flask
from flask_smorest import Api
from werkzeug.routing import Rule

from shared.auth.middleware import PUBLIC, allowed_roles
from shared.document import Document

REFUSALS = "x-refusals"
"""Where an operation names the statuses that are its own, until the document is complete."""

REASONS = {
    400: "The request cannot be read: its JSON, a cursor or an Idempotency-Key.",
    401: "Sign in first; or what was shown is no longer good.",
    403: "The caller's role may not do this.",
    404: "There is no such thing.",
    408: "The body did not come in time.",
    409: "It does not fit the present state, or belongs to another already.",
    412: "Somebody changed it first.",
    413: "The body is larger than this address takes.",
    415: "The body is of a type that is not read here.",
    422: "Some fields break a rule; `errors` names each.",
    428: "If-Match is missing.",
    429: "Too many tries; `Retry-After` says when to come again.",
    503: "The database, or a service that is needed, does not answer now; try again.",
}
_BY_PARAMETER = {"cursor": {400}, "Idempotency-Key": {400, 422}, "If-Match": {412, 428}}
_METHODS = ("get", "post", "put", "patch", "delete")


def describe(app: Flask, api: Api) -> Document:
    """The whole document."""
    document: Document = deepcopy(api.spec.to_dict())
    parts = document["components"]
    # What flask-smorest puts there for pages of its own kind.
    parts["schemas"].pop("PaginationMetadata", None)
    parts["responses"] = {_name(status): _refusal(status) for status in REASONS}
    endpoints = {
        (_path(rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for path, method, operation in operations(document):
        endpoint = endpoints[path, method]
        operation["operationId"] = endpoint.rpartition(".")[2]
        roles = allowed_roles(app.view_functions[endpoint])
        _add_roles(operation, roles)
        _add_refusals(operation, has_place="{" in path, is_open=roles is PUBLIC)
    return document


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Path, method and description of each operation of a document."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _add_roles(operation: Document, roles: frozenset[str]) -> None:
    said = "Needs no token." if roles is PUBLIC else f"Roles: {', '.join(sorted(roles))}."
    operation["description"] = "\n\n".join(filter(None, (operation.get("description"), said)))


def _add_refusals(operation: Document, *, has_place: bool, is_open: bool) -> None:
    answers = {
        status: answer for status, answer in operation["responses"].items() if status < "300"
    }
    refused = {503, *operation.pop(REFUSALS, ())}
    refused |= set() if is_open else {401, 403}
    refused |= {404} if has_place else set()
    refused |= _by_body(operation) | _by_parameters(operation)
    refs = {str(one): {"$ref": f"#/components/responses/{_name(one)}"} for one in sorted(refused)}
    operation["responses"] = answers | refs


def _by_body(operation: Document) -> set[int]:
    kinds: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    refused = {400, 408, 413, 422} if kinds else set()
    return refused | ({415} if "application/json" in kinds else set())


def _by_parameters(operation: Document) -> set[int]:
    refused: set[int] = set()
    for parameter in operation.get("parameters", ()):
        refused |= _BY_PARAMETER.get(parameter["name"], set())
        refused |= {422} if parameter["in"] == "query" else set()
    return refused


def _refusal(status: int) -> Document:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": REASONS[status],
        "content": {"application/problem+json": {"schema": schema}},
    }


def _name(status: int) -> str:
    return f"Refused{status}"


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
