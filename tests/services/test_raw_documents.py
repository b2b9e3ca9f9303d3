"""Every rule that a database holds by itself, tried with documents written straight into it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import WriteError

from services.registry import SERVICES, collections
from services.tools import schema
from shared.document import Document
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support import databases
from tests.support.raw_documents import CASES, CASES_OF_ALL, MISSING, Case

Databases = dict[str, Database[Document]]

OWNERS = {
    collection.name: service
    for service in SERVICES
    for collection in collections(service)
    if collection.name not in {"inbox", "dead_letters", "migrations"}
}
ALL = [
    *((OWNERS[case.collection], case) for case in CASES),
    *((service, case) for service in SERVICES for case in CASES_OF_ALL),
]


def of_each(cases: Iterable[tuple[str, Case]]) -> pytest.MarkDecorator:
    """Runs a test for each of these cases."""
    return pytest.mark.parametrize(
        ("service", "case"),
        [
            pytest.param(service, case, id=f"{service}-{case.collection}-{case.rule}")
            for service, case in cases
        ],
    )


class TestRules:
    @of_each(ALL)
    def test_are_held_by_the_database(self, collection: Collection[Document], case: Case) -> None:
        if case.beside is not None:
            collection.insert_one(deepcopy(case.beside))

        with pytest.raises(WriteError) as refusal:
            collection.insert_one(changed(case.good, case.change))

        assert refusal.value.code == case.code
        good = changed(case.good, {})
        collection.insert_one(good)
        assert collection.find_one({"_id": good["_id"]}) == good

    # The server changes no id at all.
    @of_each(case for case in ALL if "_id" not in case[1].change)
    def test_are_held_when_a_document_is_changed(
        self, collection: Collection[Document], case: Case
    ) -> None:
        if case.beside is not None:
            collection.insert_one(deepcopy(case.beside))
        good = changed(case.good, {})
        collection.insert_one(good)

        with pytest.raises(WriteError) as refusal:
            collection.replace_one({"_id": good["_id"]}, changed(case.good, case.change))

        assert refusal.value.code == case.code
        assert collection.find_one({"_id": good["_id"]}) == good


class TestCases:
    def test_are_many_and_of_every_service(self) -> None:
        counted = Counter(service for service, _ in ALL)

        assert len(CASES) >= 40
        assert set(counted) == set(SERVICES)
        assert len({case.rule for case in (*CASES, *CASES_OF_ALL)}) == len(CASES) + len(
            CASES_OF_ALL
        )


def changed(document: Document, change: dict[str, Any]) -> Document:
    """A copy of a document with values put at some paths; what is missing is left out."""
    made = {name: deepcopy(value) for name, value in document.items() if value is not MISSING}
    for path, value in change.items():
        *way, last = path.split(".")
        place: Any = made
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        if value is MISSING:
            del place[last]
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return made


@pytest.fixture
def collection(built: Databases, service: str, case: Case) -> Iterator[Collection[Document]]:
    """The collection that a case is about, with its rules, empty."""
    found = built[service][case.collection]
    yield found
    found.delete_many({})


@pytest.fixture(scope="module")
def built(client: MongoClient[Document], settings: Settings) -> Databases:
    """The databases, built once."""
    list(schema.update(settings, client))
    return {service: service_database(client, settings, service) for service in SERVICES}


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[MongoClient[Document]]:
    """A client for the real mongod, for all these tests."""
    with databases.client_of_its_own(settings) as made:
        yield made


@pytest.fixture(scope="module")
def settings(mongo_url: str) -> Settings:
    """Settings that lead to databases of these tests alone."""
    return databases.settings_of_its_own(mongo_url)
