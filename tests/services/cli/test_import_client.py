"""The import command against a running imports service."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from requests import Request

from services.cli import import_client
from services.cli.import_client import Form, ImportFailed, ImportRequest, account, is_accounted_for
from services.imports.repository.jobs import JobRepository
from shared.api_client import ApiClient, ApiUnreachable, GivenToken
from shared.document import Document
from shared.local.ports import LOOPBACK, free_port
from shared.settings import Settings
from tests.support.serving import served
from tests.support.stall import MAPPING, SHOP, SHOP_ACCOUNT, row, shop_file

Step = Callable[[str], str]
Run = Callable[..., Document]
FIGURES = SHOP_ACCOUNT | {
    "rows": 320_705,
    "accepted": 319_778,
    "rejected": 927,
    "totals": [
        {
            "currency": "GBP",
            "accepted": "5784055.502",
            "rejected": "-22124.120",
            "file": "5761931.382",
        },
        {"currency": "JPY", "accepted": "0.00", "rejected": "-0.50", "file": "-0.50"},
    ],
}


Shown = list[tuple[str, int, int | None]]


class TestSignIn:
    def test_takes_a_token_that_is_given(self, settings: Settings) -> None:
        source = import_client.sign_in(settings.accounts_url, token="abc", email="", password="")

        assert source() == "abc"

    @pytest.mark.usefixtures("database")
    def test_signs_in_with_a_password(
        self, settings: Settings, staff: dict[str, str], imports: str
    ) -> None:
        source = import_client.sign_in(
            settings.accounts_url, token="", email="sales@stall.example", password="correct horse"
        )

        assert staff["sales"]
        assert ApiClient(imports, source).get("/v1/imports")["items"] == []

    def test_says_who_is_wanted(self, settings: Settings) -> None:
        with pytest.raises(ImportFailed, match="ADMIN_PASSWORD"):
            import_client.sign_in(settings.accounts_url, token="", email="a@b.example", password="")

    def test_says_that_it_was_refused(self, settings: Settings) -> None:
        with pytest.raises(ImportFailed, match=r"Signing in as eve@stall\.example was refused"):
            import_client.sign_in(
                settings.accounts_url, token="", email="eve@stall.example", password="wrong horse"
            )


class TestRun:
    def test_follows_the_import_to_its_end(self, run: Run, request: ImportRequest) -> None:
        job = run(request)

        assert (job["state"], job["reconciliation"]) == ("finished", SHOP_ACCOUNT)
        assert job["file"] == {
            "name": "shop.csv",
            "bytes": len(SHOP),
            "sha256": job["file"]["sha256"],
        }

    def test_shows_how_far_it_is(self, run: Run, request: ImportRequest, shown: Shown) -> None:
        run(request)

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
        self, run: Run, request: ImportRequest, content: bytes, sentence: str
    ) -> None:
        request.file.write_bytes(content)

        with pytest.raises(ImportFailed) as failed:
            run(request)

        assert str(failed.value).startswith(sentence)
        assert "\n" not in str(failed.value)

    def test_lists_what_is_wrong_with_a_mapping(self, run: Run, request: ImportRequest) -> None:
        assert request.mapping is not None
        request.mapping.write_text('{"source": "My Shop", "columns": {}}')

        with pytest.raises(ImportFailed) as failed:
            run(request)

        lines = str(failed.value).splitlines()
        assert lines[0] == "The mapping breaks a rule."
        assert {line.strip().partition(":")[0] for line in lines[1:]} >= {
            "source",
            "columns.number",
            "defaults.currency",
        }

    def test_says_why_an_import_failed(self, run: Run, request: ImportRequest) -> None:
        request.file.write_bytes(shop_file(*[row("1")] * 5_000, '1,"never closed'))

        with pytest.raises(ImportFailed, match=r"^The import failed: The file cannot be read"):
            run(request)

    def test_says_that_there_is_no_such_file(self, run: Run, tmp_path: Path) -> None:
        with pytest.raises(ImportFailed, match=r"no-such\.csv cannot be read: No such file"):
            run(ImportRequest(file=tmp_path / "no-such.csv", preset="online-retail", mapping=None))

    def test_says_that_a_folder_is_no_file(self, run: Run, tmp_path: Path) -> None:
        with pytest.raises(ImportFailed, match="cannot be read"):
            run(ImportRequest(file=tmp_path, preset="online-retail", mapping=None))

    def test_wants_a_way_to_read_the_file(self, run: Run, request: ImportRequest) -> None:
        with pytest.raises(ImportFailed, match="PRESET=online-retail"):
            run(ImportRequest(file=request.file, preset=None, mapping=None))

    def test_says_that_a_mapping_is_no_json(self, run: Run, request: ImportRequest) -> None:
        assert request.mapping is not None
        request.mapping.write_text("{")

        with pytest.raises(ImportFailed, match="is not valid JSON"):
            run(request)

    def test_says_that_a_mapping_is_not_there(self, run: Run, request: ImportRequest) -> None:
        assert request.mapping is not None
        request.mapping.unlink()

        with pytest.raises(ImportFailed, match="cannot be read: No such file"):
            run(request)

    def test_says_that_nobody_answers(self, request: ImportRequest) -> None:
        nobody = ApiClient(f"http://{LOOPBACK}:{free_port()}", GivenToken("abc"))

        with pytest.raises(ApiUnreachable):
            import_client.run(nobody, request, progress=lambda *_: None, sleep=lambda _: None)


class TestAccount:
    def test_shows_every_figure(self, job: Document) -> None:
        assert list(account(job)) == [
            "rows                   320,705",
            "accepted               319,778",
            "rejected                   927",
            "orders                       5",
            "returns                      1",
            "guest orders                 1",
            "customers                    3",
            "orders new                   5",
            "customers new                3",
            "total accepted   5,784,055.502 GBP",
            "total rejected     -22,124.120 GBP",
            "total file       5,761,931.382 GBP",
            "total accepted            0.00 JPY",
            "total rejected           -0.50 JPY",
            "total file               -0.50 JPY",
            "rejected rows: GET /v1/imports/abc/rejects.csv",
        ]

    def test_names_no_rejects_where_there_are_none(self, job: Document) -> None:
        job["reconciliation"] |= {"rejected": 0}

        assert not [line for line in account(job) if "rejects.csv" in line]


class TestIsAccountedFor:
    def test_when_every_row_was_accepted_or_rejected(self, job: Document) -> None:
        assert is_accounted_for(job)

    @pytest.mark.parametrize("name", ["rows", "accepted", "rejected"])
    def test_not_when_one_is_missing(self, job: Document, name: str) -> None:
        job["reconciliation"] |= {name: job["reconciliation"][name] - 1}

        assert not is_accounted_for(job)

    def test_not_when_one_was_read_and_forgotten(self, job: Document) -> None:
        job["progress"]["rows"] += 1

        assert not is_accounted_for(job)


class TestForm:
    @pytest.mark.parametrize("size", [-1, 1, 7, 10_000_000])
    def test_gives_all_in_pieces(self, size: int) -> None:
        content = b"x" * 3_000
        form = Form({"preset": "a"}, "shop.csv", io.BytesIO(content), len(content))

        pieces = list(iter(lambda: form.read(size), b""))

        body = b"".join(pieces)
        assert len(body) == len(form)
        assert body.endswith(content + f"\r\n--{form.boundary}--\r\n".encode())
        assert body.startswith(
            f"--{form.boundary}\r\n"
            'Content-Disposition: form-data; name="preset"\r\n\r\na\r\n'.encode()
        )

    def test_is_sent_with_its_length(self) -> None:
        form = Form({}, "shop.csv", io.BytesIO(b"abc"), 3)
        request = Request("POST", "http://imports/", data=form).prepare()

        assert request.headers["Content-Length"] == str(len(form))
        assert "Transfer-Encoding" not in request.headers

    def test_a_name_cannot_break_out(self) -> None:
        form = Form({}, 'a"\r\nX: y', io.BytesIO(b""), 0)

        assert b'filename="a___X: y"\r\n' in form.read()


@pytest.fixture
def job() -> Document:
    """A finished job."""
    return {"id": "abc", "progress": {"rows": 320_705}, "reconciliation": dict(FIGURES)}


@pytest.fixture
def run(imports: str, headers: Any, shown: Shown, step: Step, jobs: JobRepository) -> Run:
    """`run(errand)`: run the command, which finds a step done each time that it looks again."""
    token = GivenToken(headers("sales")["Authorization"].removeprefix("Bearer "))

    def go_on(_seconds: float) -> None:
        (job,) = jobs.collection.find({"state": {"$nin": ["finished", "failed"]}}, {"_id": 1})
        step(job["_id"])

    return lambda request: import_client.run(
        ApiClient(imports, token), request, progress=lambda *bar: shown.append(bar), sleep=go_on
    )


@pytest.fixture
def request(tmp_path: Path) -> ImportRequest:
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
