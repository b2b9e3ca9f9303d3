"""The worker of orders: its handlers and its tasks."""

from dataclasses import replace

from pymongo.database import Database

from services.orders import SUBSCRIBES
from services.orders.worker import create_handlers, create_worker
from shared.document import Document
from shared.events.contracts import CustomerChanged
from shared.identifiers import new_id
from shared.settings import Settings, load


class TestCreateHandlers:
    def test_hears_what_the_service_says_it_hears(self, database: Database[Document]) -> None:
        assert set(create_handlers(load(), database)) == set(SUBSCRIBES)

    def test_a_change_reaches_the_copy(self, database: Database[Document]) -> None:
        id = new_id()

        create_handlers(load(), database)[CustomerChanged](
            [CustomerChanged(customer_id=id, version=2, occurred_at="")]
        )

        assert (database.customer_cards.find_one({"_id": id}) or {})["version"] == 2


class TestCreateWorker:
    def test_takes_deliveries_and_receipts(self, settings: Settings) -> None:
        unreachable = replace(settings, redis_url="redis://127.0.0.1:9/0")

        tasks = create_worker(unreachable).tasks

        assert {"orders.receive", "orders.confirm"} <= tasks.keys()
