"""Which of customers' subscribers hears what."""

from typing import Any

import pytest
from pymongo.database import Database

from services.customers import HEARS, worker
from services.customers.model.customers import Customer
from services.customers.repository.customers import CustomerRepository
from shared.database import Document
from shared.events.contracts import OrderState, UserState
from shared.events.envelope import Event
from shared.identifiers import new_id
from shared.settings import Settings

SAYS: dict[type[Event], dict[str, Any]] = {
    OrderState: {
        "order_id": new_id(),
        "number": "1",
        "source": "api",
        "kind": "sale",
        "status": "placed",
        "total": "1.00",
        "currency": "GBP",
        "placed_at": "2025-06-01T12:00:00+00:00",
    },
    UserState: {"user_id": new_id(), "name": "Ann", "role": "sales", "active": True},
}


class TestJoin:
    @pytest.mark.parametrize("event", HEARS, ids=lambda event: event.__name__)
    def test_every_event_has_its_effect(
        self, own: Database[Document], event: type[Event], buyer: str
    ) -> None:
        (fields,) = [fields for kind, fields in SAYS.items() if issubclass(event, kind)]
        about = {"customer_id": buyer} if issubclass(event, OrderState) else {}
        said = event(**fields, **about, version=1, occurred_at="")

        worker.join(own)[event]([said])

        assert own.ledger.count_documents({}) + own.staff.count_documents({}) == 1


class TestCreateWorker:
    def test_receives_and_confirms(self, settings: Settings) -> None:
        celery = worker.create_worker(settings)

        assert {"customers.receive", "customers.confirm"} <= celery.tasks.keys()
        assert celery.conf.task_default_queue == "customers"


@pytest.fixture
def buyer(customers: CustomerRepository, make_customer: Any) -> str:
    """The id of somebody who buys."""
    customer: Customer = make_customer()
    customers.add(customer)
    return customer.id
