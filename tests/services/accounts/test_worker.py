"""Accounts' worker, which only takes receipts."""

from pymongo.database import Database

from services.accounts import worker
from shared.document import Document
from shared.settings import Settings


class TestWorker:
    def test_subscribes_to_nothing(self, settings: Settings, database: Database[Document]) -> None:
        assert worker.create_handlers(settings, database) == {}

    def test_confirms_what_was_heard(self, settings: Settings) -> None:
        celery = worker.create_worker(settings)

        assert "accounts.confirm" in celery.tasks
        assert celery.conf.task_default_queue == "accounts"
