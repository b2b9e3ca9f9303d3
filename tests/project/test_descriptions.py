"""What the services say of themselves in OpenAPI, held against what they do, on every route."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from werkzeug.test import TestResponse

from services import registry
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.settings import load
from shared.web.description import REASONS, operations

Headers = Callable[[str], dict[str, str]]
Apps = Callable[[str], Flask]

PROBLEM = "application/problem+json"
VERBS = {
    "ask", "cancel", "change", "delegate", "delete", "deliver", "end", "get", "identify", "list",
    "log", "pay", "place", "read", "record", "refresh", "register", "reset", "revoke", "search",
    "ship", "sign",
}  # fmt: skip

BODIES: list[Document] = [
    {"data": "{", "content_type": "application/json"},
    {"data": '{"a": 1, "a": 2}', "content_type": "application/json"},
    {"data": "{}", "content_type": "text/plain"},
    {"data": b" " * (20 * 1024 * 1024), "content_type": "application/json"},
    {"json": {"nothing of ours": 1}},
]

of_each_service = pytest.mark.parametrize("service", registry.SERVICES)


class TestOperations:
    @of_each_service
    def test_are_called_by_verbs_each_by_its_own(self, make_app: Apps, service: str) -> None:
        names = [operation["operationId"] for _, _, operation in described(make_app(service))]

        assert [name for name, times in Counter(names).items() if times > 1] == []
        assert {name.partition("_")[0] for name in names} <= VERBS

    @of_each_service
    def test_say_who_may_call_them(self, make_app: Apps, service: str) -> None:
        for _, _, operation in described(make_app(service)):
            said = re.search(r"^(Roles: (admin|admin, sales)|Needs no token)\.$", lines(operation))
            assert said, operation["operationId"]
            assert (said[0] == "Needs no token.") is (operation.get("security") == [])

    @of_each_service
    def test_list_each_refusal_with_its_status(self, make_app: Apps, service: str) -> None:
        app = make_app(service)
        document: Any = app.test_client().get("/openapi.json").json
        refusals = document["components"]["responses"]

        for _, _, operation in operations(document):
            answers = operation["responses"]
            named = {status for status in answers if status >= "300"}
            assert named <= set(map(str, REASONS))
            assert min(answers) < "300"
            for status in named:
                name = answers[status]["$ref"].rpartition("/")[2]
                assert refusals[name]["content"].keys() == {PROBLEM}

    @of_each_service
    def test_refuse_as_they_say(self, make_app: Apps, headers: Headers, service: str) -> None:
        app = make_app(service)
        http = app.test_client()

        found = [
            f"{operation['operationId']}: {answer.status_code} is not in the document"
            for path, method, operation in described(app)
            for answer in refusals_of(http, path, method, operation, headers)
            if str(answer.status_code) not in operation["responses"]
            or answer.content_type != PROBLEM
        ]

        assert found == []

    @of_each_service
    def test_refuse_all_that_they_should(
        self, make_app: Apps, headers: Headers, service: str
    ) -> None:
        app = make_app(service)
        http = app.test_client()

        for path, method, operation in described(app):
            sent = {
                answer.status_code for answer in refusals_of(http, path, method, operation, headers)
            }
            expected = expected_of(operation)
            assert expected <= sent, operation["operationId"]


def refusals_of(
    http: FlaskClient, path: str, method: str, operation: Document, headers: Headers
) -> Iterator[TestResponse]:
    """The answers to what nobody should send, as far as no database is asked before."""
    address = re.sub(r"\{\w+\}", "0" * 24, path)
    admin = headers("admin")
    strangers: list[Document] = [{"headers": {}}, {"headers": {"Authorization": "Bearer no"}}]
    garbage = {"json": {}, "headers": {**admin, "If-Match": "garbage"}}
    sent: list[tuple[Any, list[Document]]] = [
        (operation.get("security") != [], strangers),
        ("Roles: admin." in lines(operation), [{"headers": headers("sales")}]),
        (takes_json(operation), BODIES),
        (query_of(operation), [{"query_string": {"nothing of ours": "1"}}]),
        ("If-Match" in names_of(operation), [{"json": {}}, garbage]),
    ]
    for fits, many in sent:
        for options in many if fits else ():
            yield http.open(address, method=method, **{"headers": admin, **options})


def expected_of(operation: Document) -> set[int]:
    """The refusals that the answers to those have to show."""
    expected = set() if operation.get("security") == [] else {401}
    expected |= {403} if "Roles: admin." in lines(operation) else set()
    expected |= {400, 413, 415, 422} if takes_json(operation) else set()
    expected |= {422} if query_of(operation) else set()
    return expected | ({412, 428} if "If-Match" in names_of(operation) else set())


def described(app: Flask) -> list[tuple[str, str, Document]]:
    """Path, method and description of each operation of an application."""
    document: Any = app.test_client().get("/openapi.json").json
    return list(operations(document))


def lines(operation: Document) -> str:
    """The last paragraph of what an operation says of itself."""
    return str(operation["description"]).rpartition("\n\n")[2]


def takes_json(operation: Document) -> bool:
    return "application/json" in operation.get("requestBody", {}).get("content", {})


def query_of(operation: Document) -> list[str]:
    return [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]


def names_of(operation: Document) -> list[str]:
    return [one["name"] for one in operation.get("parameters", ())]


@pytest.fixture
def make_app(verifier: TokenVerifier) -> Iterator[Apps]:
    """`make_app(service)`: the application of a service whose database nobody asks."""
    with MongoClient[Document](connect=False) as nobody:
        yield lambda service: registry.create_app(service, load(), client=nobody, verifier=verifier)
