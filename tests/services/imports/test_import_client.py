"""The client of imports (`services/cli/import_client.py`) against a running imports service."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pymongo import MongoClient

from services.accounts.bootstrap import create_context
from services.accounts.operations import users
from services.cli import import_client
from services.cli.import_client import ImportFailed, ImportRequest
from services.imports.repository.jobs import JobRepository
from shared.api_client import ApiClient, GivenToken
from shared.document import Document
from shared.identifiers import new_id
from shared.mongo.client import service_database
from shared.settings import Settings
from tests.support.serving import served
from tests.support.stall import MAPPING, SHOP, SHOP_ACCOUNT, row, shop_file

Step = Callable[[str], str]
Run = Callable[..., Document]
Shown = list[tuple[str, int, int | None]]


class TestSignIn:
    @pytest.mark.usefixtures("database")
    def test_signs_in_with_a_password(
        self, settings: Settings, staff: dict[str, str], imports: str
    ) -> None:
        source = import_client.sign_in(
            settings.accounts_url, token="", email="sales@stall.example", password="correct horse"
        )

        assert staff["sales"]
        assert ApiClient(imports, source).get("/v1/imports")["items"] == []

    def test_says_that_it_was_refused(self, settings: Settings) -> None:
        with pytest.raises(ImportFailed, match=r"Signing in as eve@stall\.example was refused"):
            import_client.sign_in(
                settings.accounts_url, token="", email="eve@stall.example", password="wrong horse"
            )

    def test_says_what_to_do_with_a_one_time_password(
        self, settings: Settings, client: MongoClient[Document]
    ) -> None:
        accounts = create_context(service_database(client, settings, "accounts"))
        email = f"{new_id()}@stall.example"
        users.register(
            accounts.users,
            email=email,
            name="Sam",
            role="sales",
            password="correct horse",
            now=datetime.now(UTC),
            password_is_one_time=True,
        )

        with pytest.raises(ImportFailed, match=r"works once.* Do that once by POST /v1/tokens"):
            import_client.sign_in(
                settings.accounts_url, token="", email=email, password="correct horse"
            )


class TestRun:
    def test_follows_the_import_to_its_end(self, run: Run, import_request: ImportRequest) -> None:
        job = run(import_request)

        assert (job["state"], job["reconciliation"]) == ("finished", SHOP_ACCOUNT)
        assert job["file"] == {
            "name": "shop.csv",
            "bytes": len(SHOP),
            "sha256": job["file"]["sha256"],
        }

    def test_shows_how_far_it_is(
        self, run: Run, import_request: ImportRequest, shown: Shown
    ) -> None:
        run(import_request)

        assert ("reading rows", 8, 8) in shown
        assert [name for name, done, of in shown[-3:] if done == of] == [
            "reading rows",
            "customers",
            "orders",
        ]

    def test_takes_a_preset(self, run: Run, tmp_path: Path) -> None:
        header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
        (file := tmp_path / 'a "shop".csv').write_text(header + "\n")

        job = run(ImportRequest(file=file, preset="online-retail", mapping=None))

        assert (job["state"], job["preset"]) == ("finished", "online-retail")
        assert job["file"]["name"] == "a _shop_.csv"

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "The file is empty."),
            (SHOP.replace(b"Qty", b"Menge"), 'The column "Qty" is missing'),
        ],
    )
    def test_says_why_a_file_is_not_taken(
        self, run: Run, import_request: ImportRequest, content: bytes, sentence: str
    ) -> None:
        import_request.file.write_bytes(content)

        with pytest.raises(ImportFailed) as failed:
            run(import_request)

        assert str(failed.value).startswith(sentence)
        assert "\n" not in str(failed.value)

    def test_lists_what_is_wrong_with_a_mapping(
        self, run: Run, import_request: ImportRequest
    ) -> None:
        assert import_request.mapping is not None
        import_request.mapping.write_text('{"source": "My Shop", "columns": {}}')

        with pytest.raises(ImportFailed) as failed:
            run(import_request)

        lines = str(failed.value).splitlines()
        assert lines[0] == "The mapping breaks a rule."
        assert {line.strip().partition(":")[0] for line in lines[1:]} >= {
            "source",
            "columns.number",
            "defaults.currency",
        }

    def test_says_why_an_import_failed(self, run: Run, import_request: ImportRequest) -> None:
        import_request.file.write_bytes(shop_file(*[row("1")] * 5_000, '1,"never closed'))

        with pytest.raises(ImportFailed, match=r"^The import failed: The file cannot be read"):
            run(import_request)

    def test_says_that_there_is_no_such_file(self, run: Run, tmp_path: Path) -> None:
        with pytest.raises(ImportFailed, match=r"no-such\.csv cannot be read: No such file"):
            run(ImportRequest(file=tmp_path / "no-such.csv", preset="online-retail", mapping=None))

    def test_says_that_a_folder_is_no_file(self, run: Run, tmp_path: Path) -> None:
        with pytest.raises(ImportFailed, match="cannot be read"):
            run(ImportRequest(file=tmp_path, preset="online-retail", mapping=None))

    def test_wants_a_way_to_read_the_file(self, run: Run, import_request: ImportRequest) -> None:
        with pytest.raises(ImportFailed, match="PRESET=online-retail"):
            run(ImportRequest(file=import_request.file, preset=None, mapping=None))

    def test_says_that_a_mapping_is_no_json(self, run: Run, import_request: ImportRequest) -> None:
        assert import_request.mapping is not None
        import_request.mapping.write_text("{")

        with pytest.raises(ImportFailed, match="is not valid JSON"):
            run(import_request)

    def test_says_that_a_mapping_is_not_there(
        self, run: Run, import_request: ImportRequest
    ) -> None:
        assert import_request.mapping is not None
        import_request.mapping.unlink()

        with pytest.raises(ImportFailed, match="cannot be read: No such file"):
            run(import_request)


@pytest.fixture
def run(imports: str, headers: Any, shown: Shown, step: Step, jobs: JobRepository) -> Run:
    """`run(import_request)`: run the client, which finds a step done at each look."""
    token = GivenToken(headers("sales")["Authorization"].removeprefix("Bearer "))

    def go_on(_seconds: float) -> None:
        (job,) = jobs.collection.find({"state": {"$nin": ["finished", "failed"]}}, {"_id": 1})
        step(job["_id"])

    return lambda wanted: import_client.run(
        ApiClient(imports, token), wanted, progress=lambda *bar: shown.append(bar), sleep=go_on
    )


@pytest.fixture
def import_request(tmp_path: Path) -> ImportRequest:
    """The stall's file and its mapping."""
    (file := tmp_path / "shop.csv").write_bytes(SHOP)
    (mapping := tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    return ImportRequest(file=file, preset=None, mapping=mapping)


@pytest.fixture
def shown() -> Shown:
    """The progress that was reported."""
    return []


@pytest.fixture(scope="module")
def imports(make_app: Callable[..., Flask]) -> Iterator[str]:
    """The address of a running imports service."""
    with served(make_app()) as url:
        yield url
