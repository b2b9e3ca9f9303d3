"""The worker of imports: its handlers and its tasks."""

from collections.abc import Callable
from dataclasses import replace

from pymongo.database import Database

from services.imports import PUBLISHES, SUBSCRIBES
from services.imports.bootstrap import create_context
from services.imports.repository.jobs import JobRepository
from services.imports.worker import create_handlers, create_worker, end_dead_lettered
from shared.document import Document
from shared.events.contracts import ImportAdvanced
from shared.settings import Settings


class TestCreateHandlers:
    def test_hears_what_the_service_says_it_hears(
        self, settings: Settings, database: Database[Document]
    ) -> None:
        assert set(create_handlers(settings, database)) == set(SUBSCRIBES)

    def test_hears_what_the_service_tells_itself(self) -> None:
        assert {event: PUBLISHES[event] for event in SUBSCRIBES} == dict.fromkeys(
            SUBSCRIBES, ("imports",)
        )

    def test_an_event_has_its_effect(
        self,
        settings: Settings,
        database: Database[Document],
        ask: Callable[..., str],
        jobs: JobRepository,
    ) -> None:
        id = ask()

        create_handlers(settings, database)[ImportAdvanced]([first_step(id)])

        assert jobs.get(id)["state"] == "customers"


class TestCreateContext:
    def test_takes_the_limit_from_the_settings(
        self, settings: Settings, database: Database[Document]
    ) -> None:
        context = create_context(replace(settings, import_max_unpacked_bytes=7), database)

        assert context.max_bytes == 7


class TestGiveUp:
    def test_a_parked_event_ends_its_job(
        self,
        settings: Settings,
        database: Database[Document],
        ask: Callable[..., str],
        jobs: JobRepository,
    ) -> None:
        id = ask()

        end_dead_lettered(settings, database, first_step(id), "its worker died or ran out of time")

        assert jobs.get(id)["state"] == "failed"
        assert "its worker died" in jobs.get(id)["failure"]


class TestCreateWorker:
    def test_takes_deliveries_and_receipts(self, settings: Settings) -> None:
        unreachable = replace(settings, redis_url="redis://127.0.0.1:9/0")

        celery = create_worker(unreachable)

        assert {"imports.receive", "imports.confirm"} <= celery.tasks.keys()
        assert celery.conf.task_default_queue == "imports"


def first_step(id: str) -> ImportAdvanced:
    """The event that the first step of a job is due."""
    return ImportAdvanced(import_id=id, step=1, version=1, occurred_at="")
