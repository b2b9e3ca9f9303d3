import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from pymongo import MongoClient

from shared.document import Document
from shared.local.ports import LOOPBACK, free_port
from shared.mongo.client import connect
from shared.settings import load

Serve = Callable[..., FlaskClient]


class TestLive:
    def test_says_so_without_any_server(self, serve: Serve) -> None:
        answer = serve().get("/health/live")

        assert answer.status_code == 200
        assert answer.get_json() == {"status": "alive"}


class TestReady:
    def test_is_so_when_the_database_takes_writes(
        self, serve: Serve, client: MongoClient[Document]
    ) -> None:
        answer = serve(client=client).get("/health/ready")

        assert answer.status_code == 200
        assert answer.get_json() == {"status": "ready"}

    @pytest.mark.slow
    def test_is_not_so_without_a_database_and_says_it_soon(self, serve: Serve) -> None:
        nowhere = f"mongodb://{LOOPBACK}:{free_port()}/?replicaSet=kith"
        began = time.monotonic()

        with connect(replace(load(), mongo_url=nowhere)) as client:
            answer = serve(client=client).get("/health/ready")

        assert answer.status_code == 503
        assert answer.content_type == "application/problem+json"
        assert "Retry-After" in answer.headers
        assert time.monotonic() - began < 5


class TestEveryRoute:
    @pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
    def test_cannot_be_changed(self, serve: Serve, path: str) -> None:
        assert serve().post(path).status_code == 405
