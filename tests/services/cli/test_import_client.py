"""The client of imports without the service: what it refuses, sends and accounts for."""

import io
import json
from pathlib import Path

import pytest
from requests import Request

from services.cli import import_client
from services.cli.import_client import Form, ImportFailed, ImportRequest, account, is_accounted_for
from shared.api_client import ApiClient, ApiUnreachable, GivenToken
from shared.document import Document
from shared.local.ports import LOOPBACK, free_port
from shared.settings import Settings
from tests.support.stall import MAPPING, SHOP, SHOP_ACCOUNT

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


class TestSignIn:
    def test_takes_a_token_that_is_given(self, settings: Settings) -> None:
        source = import_client.sign_in(settings.accounts_url, token="abc", email="", password="")

        assert source() == "abc"

    def test_says_who_is_wanted(self, settings: Settings) -> None:
        with pytest.raises(ImportFailed, match="ADMIN_PASSWORD"):
            import_client.sign_in(settings.accounts_url, token="", email="a@b.example", password="")


class TestRun:
    def test_says_that_nobody_answers(self, import_request: ImportRequest) -> None:
        nobody = ApiClient(f"http://{LOOPBACK}:{free_port()}", GivenToken("abc"))

        with pytest.raises(ApiUnreachable):
            import_client.run(
                nobody, import_request, progress=lambda *_: None, sleep=lambda _: None
            )


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
        prepared = Request("POST", "http://imports/", data=form).prepare()

        assert prepared.headers["Content-Length"] == str(len(form))
        assert "Transfer-Encoding" not in prepared.headers

    def test_a_name_cannot_break_out(self) -> None:
        form = Form({}, 'a"\r\nX: y', io.BytesIO(b""), 0)

        assert b'filename="a___X: y"\r\n' in form.read()


@pytest.fixture
def job() -> Document:
    """A finished job."""
    return {"id": "abc", "progress": {"rows": 320_705}, "reconciliation": dict(FIGURES)}


@pytest.fixture
def import_request(tmp_path: Path) -> ImportRequest:
    """The stall's file and its mapping."""
    (file := tmp_path / "shop.csv").write_bytes(SHOP)
    (mapping := tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    return ImportRequest(file=file, preset=None, mapping=mapping)
