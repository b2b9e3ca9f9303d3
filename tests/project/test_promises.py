"""What the project promises of itself: that roles, events, rules, addresses and shapes agree."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema
from openapi_spec_validator import validate
from pymongo import MongoClient
from pymongo.collection import Collection as MongoCollection
from werkzeug.routing import Rule

from services import registry
from services.accounts.model import User
from services.accounts.repository.users import UserRepository
from services.accounts.schemas import UserSchema
from services.customers.model.customers import Customer
from services.customers.model.journal import Entry
from services.customers.repository.customers import CustomerRepository
from services.customers.repository.journal import JournalRepository
from services.customers.schemas.customers import CustomerSchema
from services.customers.schemas.journal import EntrySchema
from services.imports.repository.jobs import JobRepository
from services.imports.schemas import ImportSchema
from services.orders.model import Order
from services.orders.repository.orders import OrderRepository
from services.orders.schemas import OrderSchema
from shared.auth.middleware import PUBLIC, allowed_roles
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.events import contracts
from shared.events.event import Event
from shared.mongo.collections import Collection
from shared.mongo.reading import ReadingRepository
from shared.mongo.repository import Repository
from shared.settings import Settings, load

ROOT = Path(__file__).parents[2]
CODE = sorted(path for part in ("services", "shared") for path in (ROOT / part).rglob("*.py"))
MAX_FILE_LINES = 250
# The checksum of each migration that was ever released. A line is added and never changed.
TRAVELLING = {
    *("version", "occurred_at", "actor", "via", "batch"),
    *("customer_id", "visitor_id", "order_id", "user_id", "import_id"),
    *("deleted", "active", "role", "step"),
    *("number", "source", "kind", "status", "total", "currency", "placed_at"),
}
"""The fields of events that go through Redis: ids and state."""
APPLIED = {
    "customers": {
        "0001_split_preferences": (
            "d6f4a2cc3cf535467d5442eb723e642057aa02ceb825764c5d2ab210b6cb572e"
        ),
        "0002_staff_without_names": (
            "420bbfe4a6e3575f420e4f08680ca117720a8d48b2019a0c43c7e2cdd94de0e5"
        ),
    },
    "orders": {
        "0001_copies_without_names": (
            "40f1b504639dc4e036edf0f7100cfa1638ae6b8b5cfd38ef07eeac8f855511b2"
        ),
    },
}
WRITES = {
    name
    for name in dir(MongoCollection)
    if re.match("insert|update|replace|delete|find_one_and|bulk_write|drop|rename", name)
}

Apps = Callable[[str], Flask]

of_each_service = pytest.mark.parametrize("service", registry.SERVICES)


class TestViews:
    @of_each_service
    def test_name_who_may_call_them(self, make_app: Apps, service: str) -> None:
        assert unnamed(make_app(service)) == []

    def test_that_name_nobody_are_caught_and_closed(
        self, make_app: Apps, headers: Callable[[str], dict[str, str]]
    ) -> None:
        app = make_app("customers")
        app.add_url_rule("/planted", "planted", lambda: "open to all")

        answer = app.test_client().get("/planted", headers=headers("admin"))

        assert unnamed(app) == ["planted"]
        assert answer.status_code == 403


class TestEvents:
    def test_are_all_in_the_list_of_contracts(self) -> None:
        declared = {event for event in leaves(Event) if event.__module__ == contracts.__name__}

        assert set(contracts.ALL) == declared
        assert len({event.__name__ for event in contracts.ALL}) == len(contracts.ALL)

    @pytest.mark.parametrize("event", contracts.ALL, ids=lambda event: event.__name__)
    def test_are_sent_by_one_service(self, event: type[Event]) -> None:
        assert (
            len([service for service in registry.SERVICES if event in registry.publishes(service)])
            == 1
        )

    def test_are_heard_by_those_they_are_sent_to(self) -> None:
        sent = {
            (event, subscriber)
            for service in registry.SERVICES
            for event, subscribers in registry.publishes(service).items()
            for subscriber in subscribers
        }
        handled = {
            (event, service)
            for service in registry.SERVICES
            for event in registry.subscribes(service)
        }

        assert sent == handled
        assert {event for event, _ in sent} == set(contracts.ALL)

    def test_with_private_fields_are_for_their_publisher_alone(self) -> None:
        """Nobody else could read them: they stay in the publisher's database."""
        strangers = {
            event.__name__
            for service in registry.SERVICES
            for event, subscribers in registry.publishes(service).items()
            if event.PRIVATE and subscribers != (service,)
        }

        assert strangers == set()
        assert any(event.PRIVATE for event in contracts.ALL)

    @pytest.mark.parametrize("event", contracts.ALL, ids=lambda event: event.__name__)
    def test_carry_ids_and_state_through_redis(self, event: type[Event]) -> None:
        """A field that is new here must hold nothing of a person, or be among its PRIVATE ones."""
        declared = {field.name for field in fields(event)}

        assert declared >= event.PRIVATE
        assert declared - event.PRIVATE <= TRAVELLING

    @of_each_service
    def test_that_are_heard_have_a_handler(
        self, service: str, settings: Settings, client: MongoClient[Document]
    ) -> None:
        handlers = registry.create_handlers(service, settings, client["unused"])

        assert set(handlers) == set(registry.subscribes(service))

    @of_each_service
    def test_that_are_sent_have_an_outbox_to_wait_in(self, service: str) -> None:
        has_outbox = any(collection.outbox for collection in registry.collections(service))

        assert has_outbox is bool(registry.publishes(service))


class TestCollections:
    @of_each_service
    def test_let_nothing_in_that_is_not_declared(self, service: str) -> None:
        open_ones = {
            collection.name: loose(collection.validator.get("$jsonSchema", {}))
            for collection in registry.collections(service)
        }

        assert {name: paths for name, paths in open_ones.items() if paths} == {}

    @of_each_service
    def test_have_a_validator(self, service: str) -> None:
        assert [one.name for one in registry.collections(service) if not one.validator] == []


class TestAddresses:
    @of_each_service
    def test_are_all_documented_and_there(self, make_app: Apps, service: str) -> None:
        app = make_app(service)

        assert routed(app) == set(documented(app))

    @of_each_service
    def test_are_described_in_a_valid_document(self, make_app: Apps, service: str) -> None:
        document = description(make_app(service))

        validate(document)
        assert set(references(document)) <= document["components"]["schemas"].keys()

    @of_each_service
    def test_say_which_of_them_need_no_token(self, make_app: Apps, service: str) -> None:
        app = make_app(service)

        open_to_all = {
            (path_of(rule), method)
            for rule in app.url_map.iter_rules()
            if allowed_roles(app.view_functions[rule.endpoint]) is PUBLIC
            for method in rule.methods or ()
        }
        said = {
            address
            for address, operation in documented(app).items()
            if operation.get("security") == []
        }
        assert said == open_to_all & routed(app)

    @of_each_service
    def test_say_what_they_do(self, make_app: Apps, service: str) -> None:
        operations = documented(make_app(service))

        assert [one for one, operation in operations.items() if not operation.get("summary")] == []


class TestShapes:
    @pytest.mark.parametrize(
        ("service", "name", "schema", "repository", "entity"),
        [
            ("accounts", "users", UserSchema, UserRepository, User),
            ("customers", "customers", CustomerSchema, CustomerRepository, Customer),
            ("customers", "journal", EntrySchema, JournalRepository, Entry),
            ("orders", "orders", OrderSchema, OrderRepository, Order),
            ("imports", "jobs", ImportSchema, JobRepository, None),
        ],
    )
    def test_of_one_thing_agree(
        self,
        service: str,
        name: str,
        schema: type[Schema],
        repository: type[ReadingRepository],
        entity: Any,
    ) -> None:
        shown = set(repository.public) - {"version", "revision", "schema_version"} | {"id"}
        (stored,) = [
            stored_fields(one) for one in registry.collections(service) if one.name == name
        ]
        held = {field.name for field in fields(entity)} if entity else set()

        assert set(schema().fields) == shown
        assert set(repository.public) <= stored
        assert held - {"id"} <= stored


class TestJournal:
    def test_has_no_way_to_change_or_delete_an_entry(self) -> None:
        ways = {name for name, _ in inspect.getmembers(JournalRepository, inspect.isfunction)}

        assert {name for name in ways if not name.startswith("_")} == {
            "add",
            "add_all",
            "batches",
            "find",
            "first_answer",
            "get",
            "get_entry",
            "insert",
            "is_used",
            "page",
            "search",
            "upcast",
        }
        assert not issubclass(JournalRepository, Repository)

    def test_is_written_in_one_place_which_only_inserts(self) -> None:
        users = {path for path in CODE if "documents.JOURNAL" in path.read_text("utf-8")}

        repository = Path(inspect.getfile(JournalRepository))
        assert users == {repository, repository.with_name("filters.py")}
        assert {name for path in users for name in called(path) & WRITES} == set()
        mongo = ROOT / "shared" / "mongo"
        assert called(mongo / "reading.py") & WRITES == set()
        assert called(mongo / "repository.py", "InsertingRepository") & WRITES == {"insert_one"}
        assert called(mongo / "bulk_writes.py", "insert_missing") & WRITES == {"insert_many"}

    def test_is_named_nowhere_else_in_a_way_that_changes_it(self) -> None:
        # As `database.journal` or `database["journal"]`; the sample, which inserts, names it too.
        named = {
            str(path.relative_to(ROOT))
            for path in CODE
            if re.search(
                r"""(database|own|base)\S*(\.journal\b|\["journal"\])""", path.read_text("utf-8")
            )
        }

        assert named == {"services/customers/repository/examples.py"}
        assert called(ROOT / named.pop()) & WRITES == set()

    @of_each_service
    def test_has_no_address_that_changes_it(self, make_app: Apps, service: str) -> None:
        offered = {method for path, method in routed(make_app(service)) if "/journal" in path}

        assert offered == ({"GET", "POST"} if service == "customers" else set())


class TestMigrations:
    @of_each_service
    def test_are_numbered_one_by_one(self, service: str) -> None:
        """Whatever is found is in order, or finding it would fail."""
        found = registry.migrations(service)

        assert [one.name[:4] for one in found] == [f"{n:04}" for n in range(1, len(found) + 1)]

    @of_each_service
    def test_stay_as_they_were_applied(self, service: str) -> None:
        """Databases remember the checksum of each, and refuse a file that has changed."""
        checksums = {one.name: one.checksum for one in registry.migrations(service)}

        assert checksums == APPLIED.get(service, {})

    def test_import_nothing_of_ours(self) -> None:
        """What they do must not change with what Kith is."""
        files = [path for path in CODE if re.fullmatch(r"\d{4}_\w+", path.stem)]

        assert files
        assert {str(path) for path in files if imports_of(path) & {"services", "shared"}} == set()


class TestFiles:
    def test_are_not_long(self) -> None:
        lengths = {str(path.relative_to(ROOT)): lines_of(path) for path in CODE}

        assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}

    def test_say_what_they_are_for(self) -> None:
        silent = [
            str(path.relative_to(ROOT))
            for path in CODE
            if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
        ]

        assert silent == []


def called(path: Path, part: str | None = None) -> set[str]:
    """The names of the methods that a file, or one function or class of it, calls."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = [
        node
        for node in ast.walk(tree)
        if part is None or (isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part)
    ]
    return {
        call.func.attr
        for node in nodes
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    }


def imports_of(path: Path) -> set[str]:
    """The packages that a file imports from."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    whole = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    parts = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in [*whole, *parts]}


def unnamed(app: Flask) -> list[str]:
    """The views of an application that say nothing on who may call them."""
    return [name for name, view in app.view_functions.items() if not allowed_roles(view)]


def leaves(event: type[Event]) -> Iterator[type[Event]]:
    """The events that are sent, which are those that no other is made from."""
    kinds = event.__subclasses__()
    if not kinds:
        yield event
    for kind in kinds:
        yield from leaves(kind)


def loose(schema: Document, path: str = "") -> list[str]:
    """Where a schema lets in what it does not declare: at its top, or wherever it lists fields."""
    found = [path or "(top)"] if is_loose(schema, is_top=not path) else []
    for name, inner in schema.get("properties", {}).items():
        found += loose(inner, f"{path}.{name}")
    for number, one in enumerate(schema.get("oneOf", [])):
        found += [place.replace("(top)", f"(top {number})") for place in loose(one, path)]
    return found + (loose(schema["items"], f"{path}[]") if "items" in schema else [])


def is_loose(schema: Document, *, is_top: bool) -> bool:
    declares = "properties" in schema or (is_top and "oneOf" not in schema)
    return declares and schema.get("additionalProperties") is not False


def stored_fields(collection: Collection) -> set[str]:
    """The fields that a live document of a collection may have."""
    schema = collection.validator["$jsonSchema"]
    return set(schema.get("oneOf", [schema])[0]["properties"])


def routed(app: Flask) -> set[tuple[str, str]]:
    """The addresses and methods that an application answers under /v1."""
    return {
        (path_of(rule), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def path_of(rule: Rule) -> str:
    """The address of a route as OpenAPI writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def documented(app: Flask) -> dict[tuple[str, str], Document]:
    """What an application's own description says of each address and method."""
    return {
        (path, method.upper()): operation
        for path, operations in description(app)["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    }


def description(app: Flask) -> Document:
    document: Any = app.test_client().get("/openapi.json").json
    return dict(document)


def references(node: Any) -> Iterator[str]:
    """The names of the schemas that a document refers to."""
    if isinstance(node, dict):
        target = node.get("$ref")
        if isinstance(target, str) and "/schemas/" in target:
            yield target.rsplit("/", 1)[1]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def lines_of(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


@pytest.fixture
def make_app(settings: Settings, client: MongoClient[Document], verifier: TokenVerifier) -> Apps:
    """`make_app(service)`: the application of a service, which has not asked its database yet."""

    def make(service: str) -> Flask:
        return registry.create_app(service, settings, client=client, verifier=verifier)

    return make


@pytest.fixture
def client(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client that nobody asks anything, so that no server has to be there."""
    with MongoClient[Document](settings.mongo_url, connect=False) as made:
        yield made


@pytest.fixture
def settings() -> Settings:
    """The settings of a process whose environment says nothing."""
    return load()
