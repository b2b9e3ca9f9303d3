"""The registry: what it lists and what it loads of each service."""

from dataclasses import replace
from pathlib import Path

import pytest
from pymongo import MongoClient

from services import registry
from shared import secrets
from shared.auth.tokens import TokenVerifier
from shared.document import Document
from shared.messaging.inbox import INBOX
from shared.settings import Settings

ROOT = Path(__file__).parents[2]

of_each_service = pytest.mark.parametrize("service", registry.SERVICES)


class TestServices:
    def test_are_the_folders_that_have_an_application(self) -> None:
        folders = {path.parent.name for path in (ROOT / "services").glob("*/app.py")}

        assert set(registry.SERVICES) == folders

    def test_listen_on_a_port_each(self) -> None:
        assert len(set(registry.SERVICES.values())) == len(registry.SERVICES)


class TestParts:
    @of_each_service
    def test_of_a_service_fit_together(self, service: str) -> None:
        """Who publishes has an outbox, and who subscribes has an inbox."""
        collections = registry.collections(service)

        assert any(one.outbox for one in collections) is bool(registry.publishes(service))
        assert INBOX in collections or not registry.subscribes(service)

    @of_each_service
    def test_include_an_application_and_a_worker(
        self,
        settings: Settings,
        client: MongoClient[Document],
        verifier: TokenVerifier,
        service: str,
    ) -> None:
        app = registry.create_app(service, settings, client=client, verifier=verifier)
        worker = registry.create_worker(service, settings)

        assert app.test_client().get("/health/live").status_code == 200
        assert {f"{service}.receive", f"{service}.confirm"} <= worker.tasks.keys()
        assert registry.web_path(service) == f"services.{service}.app:web"
        worker.close()

    @of_each_service
    def test_show_their_metrics_to_whoever_has_the_token_in_their_secrets(
        self,
        settings: Settings,
        client: MongoClient[Document],
        verifier: TokenVerifier,
        service: str,
        tmp_path: Path,
    ) -> None:
        token = secrets.ensure(tmp_path, "metrics_token", lambda: "a token")
        sealed = replace(settings, secrets_dir=tmp_path)
        http = registry.create_app(service, sealed, client=client, verifier=verifier).test_client()

        answers = [
            http.get("/metrics", headers=headers).status_code
            for headers in ({"Authorization": f"Bearer {token}"}, {})
        ]

        assert answers == [200, 401]
