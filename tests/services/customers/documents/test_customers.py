"""What the database itself refuses, whoever writes to it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, WriteError

from services.customers import documents
from services.customers.model.customers import Address, Customer, Email, Phone
from services.customers.repository.ledger import NO_PURCHASES
from services.customers.repository.mapping import to_document
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.collections import build
from tests.support.old_customers import as_before

Raw = Callable[..., Document]
Own = Database[Document]

NOBODY: Document = {"last_name": None, "external_id": None, "phones": []} | {
    "emails": [],
    "keys": {"last_name": None, "names": [], "emails": []},
}


class TestCustomers:
    def test_takes_what_the_model_makes(self, database: Own, raw: Raw) -> None:
        database.customers.insert_one(raw())

        assert database.customers.count_documents({}) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"last_name": "Lee"},
            {"company": "Lee & Co"},
            {"external_id": "17850"},
            {"phones": [{"number": "+442079460958", "label": None}]},
            {
                "emails": [{"address": "lee@example.com", "label": None}],
                "keys": {"last_name": None, "names": [], "emails": ["lee@example.com"]},
            },
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_takes_each_identifier_alone(self, database: Own, raw: Raw, change: Document) -> None:
        database.customers.insert_one(raw(**NOBODY | change))

        assert database.customers.count_documents({}) == 1

    @pytest.mark.parametrize(
        "change",
        [
            NOBODY,
            {"_id": "17850"},
            {"_id": 17850},
            {"external_id": ""},
            {"external_id": 17850},
            {"external_id": "x" * 101},
            {"first_name": ["Ann"]},
            {"last_name": {"$gt": ""}},
            {"last_name": "x" * 101},
            {"company": ""},
            {"emails": None},
            {"emails": "lee@example.com"},
            {"emails": []},
            {"emails": [{"address": "lee@example.com"}]},
            {"emails": [{"address": "lee@example.com", "label": None, "verified": True}]},
            {"emails": [{"address": "x" * 255, "label": None}]},
            {"emails": [{"address": None, "label": None}]},
            {"phones": [{"number": "020 7946 0958", "label": None}]},
            {"phones": [{"number": "+4420794609581234", "label": None}]},
            {"phones": [{"number": "+042079460958", "label": None}]},
            {"phones": [{"number": 442079460958, "label": None}]},
            {"addresses": [{"country": "GB"}]},
            {"tags": ["vip", "vip"]},
            {"tags": [""]},
            {"tags": ["x" * 51]},
            {"tags": [str(number) for number in range(51)]},
            {"preferences": {"newsletter": None}},
            {"preferences": {"size": 1.5}},
            {"preferences": {"sizes": [38, 40]}},
            {"preferences": []},
            {"channels": {"fax": True}},
            {"channels": {"email": None}},
            {"channels": {"email": 1}},
            {"channels": []},
            {"interests": ["garden", "garden"]},
            {"interests": [""]},
            {"interests": ["x" * 51]},
            {"interests": "garden"},
            {"schema_version": 0},
            {"schema_version": 1},
            {"schema_version": 3},
            {"schema_version": 2.0},
            {"keys": {"last_name": None, "names": [], "emails": []}},
            {"keys": {}},
            {"purchases": None},
            {"purchases": {**NO_PURCHASES, "orders": -1}},
            {"purchases": {**NO_PURCHASES, "totals": [{"amount": 1.5, "currency": "GBP"}]}},
            {
                "purchases": {
                    **NO_PURCHASES,
                    "totals": [{"amount": Decimal128("1.5"), "currency": "XYZ"}],
                }
            },
            {"revision": -1},
            {"version": 0},
            {"version": 1.0},
            {"created_at": "2025-06-01T12:00:00Z"},
            {"updated_at": None},
            {"batch": ""},
            {"request": {"key": "once"}},
            {"outbox": None},
            {"outbox": [{"name": "CustomerRegistered"}]},
            {"deleted_at": None},
            {"deleted_at": datetime(2025, 6, 1, tzinfo=UTC)},
            {"password": "secret"},
        ],
        ids=lambda change: str(change)[:70],
    )
    def test_refuses(self, database: Own, raw: Raw, change: Document) -> None:
        with pytest.raises(WriteError) as failure:
            database.customers.insert_one(raw(**change))

        assert failure.value.code == 121

    @pytest.mark.parametrize("country", ["gb", "GBR", "XX", "", 44, "UK"])
    def test_refuses_a_country_that_is_none(self, database: Own, raw: Raw, country: Any) -> None:
        document = raw()
        document["addresses"][0]["country"] = country

        with pytest.raises(WriteError, match="failed validation"):
            database.customers.insert_one(document)

    @pytest.mark.parametrize(
        "field",
        ["emails", "tags", "keys", "channels", "purchases", "version", "created_at", "outbox"],
    )
    def test_refuses_a_customer_without(self, database: Own, raw: Raw, field: str) -> None:
        document = raw()
        del document[field]

        with pytest.raises(WriteError, match="failed validation"):
            database.customers.insert_one(document)

    def test_refuses_a_change_that_breaks_a_rule(self, database: Own, raw: Raw) -> None:
        database.customers.insert_one(raw(**NOBODY | {"last_name": "Lee"}))

        with pytest.raises(WriteError, match="failed validation"):
            database.customers.update_one({}, {"$set": {"last_name": None}})

    def test_refuses_an_address_that_somebody_has(self, database: Own, raw: Raw) -> None:
        database.customers.insert_one(raw())

        with pytest.raises(DuplicateKeyError, match="email"):
            database.customers.insert_one(raw(external_id="other"))

    def test_refuses_an_external_id_that_somebody_has(self, database: Own, raw: Raw) -> None:
        database.customers.insert_one(raw())
        other = {"address": "other@example.com", "label": None}
        keys = {"last_name": "lee", "names": ["lee"], "emails": ["other@example.com"]}

        with pytest.raises(DuplicateKeyError, match="external_id"):
            database.customers.insert_one(raw(emails=[other], keys=keys))

    def test_refuses_a_request_twice(self, database: Own, raw: Raw) -> None:
        request = {"key": "somebody:once", "fingerprint": "0" * 64, "first": {}}
        database.customers.insert_one(raw(**NOBODY | {"last_name": "Lee", "request": request}))

        with pytest.raises(DuplicateKeyError, match="request"):
            database.customers.insert_one(raw(**NOBODY | {"last_name": "Lee", "request": request}))

    def test_takes_many_without_address_and_external_id(self, database: Own, raw: Raw) -> None:
        database.customers.insert_many([raw(**NOBODY | {"last_name": "Lee"}) for _ in range(3)])

        assert database.customers.count_documents({}) == 3

    @pytest.mark.parametrize("mark", [{}, {"schema_version": 1}], ids=str)
    def test_takes_the_form_before_todays(self, database: Own, raw: Raw, mark: Document) -> None:
        database.customers.insert_one(as_before(raw(), **mark))

        assert database.customers.count_documents({}) == 1

    @pytest.mark.parametrize(
        "change", [{"channels": {}}, {"interests": []}, {"schema_version": 2}, {"last_name": ""}]
    )
    def test_holds_the_form_before_to_its_own_rules(
        self, database: Own, raw: Raw, change: Document
    ) -> None:
        with pytest.raises(WriteError, match="failed validation"):
            database.customers.insert_one(as_before(raw(), **change))

    def test_keeps_nothing_personal_of_a_deleted_one(self, database: Own) -> None:
        left = {"deleted_at": datetime(2025, 6, 1, tzinfo=UTC), "version": 2, "outbox": []}
        database.customers.insert_one({"_id": new_id(), **left})

        with pytest.raises(WriteError, match="failed validation"):
            database.customers.insert_one({"_id": new_id(), **left, "last_name": "Lee"})


class TestLedger:
    def test_takes_an_order(self, database: Own) -> None:
        database.ledger.insert_one(entry())

        assert database.ledger.count_documents({}) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"customer_id": None},
            {"customer_id": "17850"},
            {"kind": "gift"},
            {"status": ""},
            {"total": 5.1},
            {"total": "5.10"},
            {"currency": "gbp"},
            {"placed_at": "2025-06-01"},
            {"version": 0},
            {"number": "536365"},
        ],
        ids=str,
    )
    def test_refuses(self, database: Own, change: Document) -> None:
        with pytest.raises(WriteError, match="failed validation"):
            database.ledger.insert_one(entry(**change))


class TestStaff:
    def test_keeps_no_more_than_is_needed(self, database: Own) -> None:
        copy = {"_id": new_id(), "name": "Ann", "role": "sales", "active": True, "version": 1}
        database.staff.insert_one(copy)

        with pytest.raises(WriteError, match="failed validation"):
            database.staff.insert_one({**copy, "_id": new_id(), "email": "ann@example.com"})


class TestBuild:
    def test_changes_nothing_the_second_time(self, database: Own) -> None:
        assert list(build(database, documents.COLLECTIONS)) == []


def entry(**changes: Any) -> Document:
    return {
        "_id": new_id(),
        "customer_id": new_id(),
        "kind": "sale",
        "status": "placed",
        "total": Decimal128("5.10"),
        "currency": "GBP",
        "placed_at": datetime(2025, 6, 1, tzinfo=UTC),
        "version": 1,
    } | changes


@pytest.fixture
def raw(make_customer: Callable[..., Customer]) -> Raw:
    """`raw(**changes)`: a customer as it lies in the database, with some fields changed."""

    def make(**changes: Any) -> Document:
        customer = make_customer(
            external_id="17850",
            emails=(Email(address="Lee@example.com"),),
            phones=(Phone(number="+442079460958"),),
            addresses=(Address(city="York", country="GB"),),
            tags=("vip",),
            preferences={"language": "en"},
            channels={"email": True},
            interests=("garden",),
        )
        return {**to_document(customer), "outbox": []} | changes

    return make
