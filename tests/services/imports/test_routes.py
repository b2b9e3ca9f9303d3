"""Imports over HTTP, on the real server and beside a real accounts."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from openapi_spec_validator import validate
from pymongo.database import Database

from services.accounts.repository.sessions import MAX_DELEGATIONS
from services.imports import presets
from services.imports.context import ImportContext
from services.imports.routes import FORM_BYTES
from services.imports.schemas import ImportSchema
from shared.document import Document
from shared.local.ports import LOOPBACK, free_port
from tests.support.stall import MAPPING, SHOP, SHOP_ACCOUNT, row, shop_file

# Loosely typed: by werkzeug's types, any answer's JSON may be None, and each test looks into it.
Client = Any
As = Callable[..., Client]
Ask = Callable[..., str]
Step = Callable[[str], str]
Finish = Callable[[str], Document]
OWN_MAPPING = {"mapping": json.dumps(MAPPING)}


class TestAskForImport:
    def test_answers_with_the_job(self, http: Client) -> None:
        answer = send(http)

        job = answer.json
        assert answer.status_code == 202
        assert answer.headers["ETag"] == '"1.0"'
        assert answer.headers["Location"] == f"imports/{job['id']}"
        assert (job["state"], job["failure"], job["reconciliation"]) == ("staging", None, None)
        assert (job["preset"], job["mapping"]) == (None, MAPPING)
        assert (job["file"]["name"], job["file"]["bytes"]) == ("shop.csv", len(SHOP))

    def test_answers_as_documented(self, http: Client) -> None:
        assert send(http).json.keys() == ImportSchema().fields.keys()

    def test_says_who_asked(self, http: Client, staff: dict[str, str]) -> None:
        assert send(http).json["asked_by"] == staff["sales"]

    def test_takes_a_preset(self, http: Client) -> None:
        header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

        answer = send(http, header.encode() + b"\n", preset="online-retail")

        assert answer.status_code == 202
        assert answer.json["preset"] == "online-retail"
        assert answer.json["mapping"] == presets.read("online-retail")

    @pytest.mark.parametrize(
        ("form", "field"),
        [
            ({}, "preset"),
            ({"preset": "online-retail", **OWN_MAPPING}, "preset"),
            ({"preset": "shopify"}, "preset"),
            ({"preset": ""}, "preset"),
            ({"preset": "x" * 51}, "preset"),
            ({"preset": "../online-retail"}, "preset"),
            ({"mapping": "{"}, "mapping"),
            ({"mapping": "null"}, "mapping"),
            ({"mapping": "[]"}, "mapping"),
            ({"mapping": "x" * 20_001}, "mapping"),
            ({"mapping": json.dumps(MAPPING | {"columns": {}})}, "columns.number"),
            ({"mapping": json.dumps(MAPPING | {"colums": {}})}, "colums"),
            ({"mapping": json.dumps(MAPPING | {"source": "My Shop"})}, "source"),
            (
                {"mapping": json.dumps(MAPPING | {"format": {"datetime": ["%d"]}})},
                "format.datetime",
            ),
            ({"mapping": json.dumps(MAPPING | {"statuses": {"a\0b": "paid"}})}, "statuses.a\0b"),
            ({**OWN_MAPPING, "maping": "{}"}, "maping"),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_names_the_field_that_is_wrong(
        self, http: Client, form: dict[str, str], field: str
    ) -> None:
        answer = http.post("/v1/imports", data={**form, "file": (io.BytesIO(SHOP), "shop.csv")})

        assert answer.status_code == 422
        assert field in [error["field"] for error in answer.json["errors"]]

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"file": "No,Time"},
            {"data": (io.BytesIO(SHOP), "shop.csv")},
            {"file": (io.BytesIO(SHOP), "")},
            {"file": [(io.BytesIO(SHOP), "one.csv"), (io.BytesIO(SHOP), "two.csv")]},
        ],
        ids=["none", "a text", "another field", "no name", "two"],
    )
    def test_wants_one_file(self, http: Client, data: Document) -> None:
        answer = http.post(
            "/v1/imports", data={**OWN_MAPPING, **data}, content_type="multipart/form-data"
        )

        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "file"

    @pytest.mark.parametrize(
        "body", [b"", SHOP, b"{}", b"--x\r\nContent-Disposition: form-data"], ids=str
    )
    @pytest.mark.parametrize(
        "content_type", ["text/csv", "application/json", "multipart/form-data; boundary=x"]
    )
    def test_refuses_what_is_no_form(self, http: Client, body: bytes, content_type: str) -> None:
        answer = http.post("/v1/imports", data=body, content_type=content_type)

        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "file"

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "The file is empty."),
            (b"\n\n \n", "The file is empty."),
            (b"hello", "The file is not a CSV file: its first line has no comma"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "The file is not a CSV file: it holds binary data."),
            (SHOP.replace(b"Qty", b"Menge"), 'The column "Qty" is missing; the file has: No, Time'),
            (SHOP.replace(b"Qty", b"No"), 'The column "No" is there 2 times; rename one of them.'),
            (gzip.compress(SHOP, mtime=0)[:-12], "The file is a broken gzip"),
            (gzip.compress(SHOP, mtime=0)[:-8] + b"\0" * 8, "The file is a broken gzip"),
            (b"\x1f\x8b" + b"x" * 100, "The file is a broken gzip"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_says_at_once_what_is_wrong_with_the_file(
        self, http: Client, database: Database[Document], content: bytes, sentence: str
    ) -> None:
        answer = send(http, content)

        assert answer.status_code == 422
        assert answer.json["type"] == "urn:kith:problem:file-unreadable"
        assert answer.json["detail"].startswith(sentence)
        assert answer.json["errors"][0]["field"] == "file"
        assert database["uploads.files"].count_documents({}) == 0

    def test_says_that_a_workbook_is_no_csv(self, http: Client) -> None:
        book = io.BytesIO()
        with zipfile.ZipFile(book, "w") as archive:
            archive.writestr("xl/workbook.xml", "<workbook/>")

        answer = send(http, book.getvalue())

        assert answer.status_code == 422
        assert "save it as CSV" in answer.json["detail"]

    def test_a_bomb_that_shows_at_once_is_too_large(self, http_as: As) -> None:
        http = http_as("sales", import_max_unpacked_bytes=10_000)

        answer = send(http, gzip.compress(shop_file(*[row("1")] * 5_000)))

        assert answer.status_code == 413
        assert answer.json["type"] == "urn:kith:problem:file-too-large"

    def test_takes_a_file_of_the_largest_size(self, http_as: As) -> None:
        assert send(http_as("sales", import_max_bytes=len(SHOP))).status_code == 202

    def test_refuses_by_its_length_what_is_too_large(self, http_as: As) -> None:
        http = http_as("sales", import_max_bytes=1_000)

        answer = http.post(
            "/v1/imports",
            content_type="multipart/form-data; boundary=x",
            environ_overrides=untouchable(1_001 + FORM_BYTES),
        )

        assert answer.status_code == 413
        assert "IMPORT_MAX_BYTES" in answer.json["detail"]

    def test_refuses_what_is_too_large_without_saying_so(self, http_as: As) -> None:
        http = http_as("sales", import_max_bytes=1_000)
        form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'

        answer = http.post(
            "/v1/imports",
            input_stream=io.BytesIO(form + b"x" * (2_000 + FORM_BYTES)),
            content_type="multipart/form-data; boundary=x",
            # What a server sets that has understood a chunked body.
            environ_overrides={"wsgi.input_terminated": True},
        )

        assert answer.status_code == 413

    def test_a_repeated_request_gets_the_first_answer(
        self, http: Client, step: Step, database: Database[Document]
    ) -> None:
        key = {"Idempotency-Key": "once"}
        first = send(http, headers=key)
        step(first.json["id"])

        again = send(http, headers=key)

        assert (again.status_code, again.json) == (202, first.json)
        assert again.headers["ETag"] == first.headers["ETag"]
        assert database.jobs.count_documents({}) == 1

    def test_a_key_is_not_taken_for_another_file(self, http: Client) -> None:
        key = {"Idempotency-Key": "once"}
        send(http, headers=key)

        answer = send(http, shop_file(row("1")), headers=key)

        assert answer.status_code == 422
        assert answer.json["type"] == "urn:kith:problem:idempotency-key-reused"

    def test_a_key_is_its_owner_s(self, http_as: As) -> None:
        key = {"Idempotency-Key": "once"}

        first, second = (send(http_as(role), headers=key) for role in ("sales", "admin"))

        assert (first.status_code, second.status_code) == (202, 202)
        assert first.json["id"] != second.json["id"]

    def test_refuses_a_key_that_is_none(self, http: Client) -> None:
        assert send(http, headers={"Idempotency-Key": "two words"}).status_code == 400

    def test_waits_for_accounts(self, http_as: As) -> None:
        http = http_as("sales", accounts_url=f"http://{LOOPBACK}:{free_port()}")

        answer = send(http)

        assert answer.status_code == 503
        assert "Retry-After" in answer.headers

    def test_is_refused_as_accounts_refuses(
        self, http: Client, accounts: Client, database: Database[Document]
    ) -> None:
        tokens = accounts.post(
            "/v1/tokens", json={"email": "sales@stall.example", "password": "correct horse"}
        ).json
        delegated = accounts.post(
            "/v1/tokens/delegations",
            json={"to": "imports"},
            headers={"Authorization": f"Bearer {tokens['access_token']}"},
        ).json

        answer = send(http, headers={"Authorization": f"Bearer {delegated['access_token']}"})

        assert answer.status_code == 403
        assert "cannot pass that on" in answer.json["detail"]
        assert database["uploads.files"].count_documents({}) == 0

    def test_waits_while_there_are_too_many_delegations(
        self, http: Client, ask: Ask, browse: Callable[[str], Any]
    ) -> None:
        ask()
        delegations = browse("accounts").database["sessions"]
        one = delegations.find_one({"via": "imports"}, sort=[("created_at", -1)]) or {}
        more = [{**one, "_id": f"{number:024}"} for number in range(MAX_DELEGATIONS)]
        delegations.insert_many(more)
        try:
            answer = send(http)
        finally:
            delegations.delete_many({"_id": {"$in": [each["_id"] for each in more]}})

        assert (answer.status_code, answer.headers.get("Retry-After")) == (429, "60")

    def test_keeps_the_delegation_sealed_and_to_itself(
        self, http: Client, ask: Ask, context: ImportContext, database: Database[Document]
    ) -> None:
        id = ask()

        stored = str(context.jobs.delegation(id))
        secret = context.seal.open(stored).partition(".")[2]
        shown = [http.get(f"/v1/imports/{id}").text, http.get("/v1/imports").text]

        assert secret
        assert secret not in str(list(database.jobs.find({})))
        assert not any(stored in text or "delegation" in text for text in shown)

    def test_imports_as_asked(self, ask: Ask, finish: Finish) -> None:
        assert finish(ask())["reconciliation"] == SHOP_ACCOUNT


class TestListImports:
    def test_pages_from_the_newest_to_the_oldest(self, http: Client, ask: Ask) -> None:
        ids = [ask() for _ in range(3)]

        first = http.get("/v1/imports?limit=2").json
        second = http.get(f"/v1/imports?limit=2&cursor={first['next']}").json

        assert [job["id"] for job in first["items"] + second["items"]] == ids[::-1]
        assert second["next"] is None

    def test_of_nothing_is_empty(self, http: Client) -> None:
        assert http.get("/v1/imports").json == {"items": [], "next": None}

    @pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "state=failed"])
    def test_refuses_what_it_does_not_know(self, http: Client, query: str) -> None:
        assert http.get(f"/v1/imports?{query}").status_code == 422

    def test_refuses_a_damaged_cursor(self, http: Client) -> None:
        assert http.get("/v1/imports?cursor=abc").status_code == 400


class TestListPresets:
    def test_shows_mappings_to_start_from(self, http: Client) -> None:
        shown = http.get("/v1/imports/presets").json["presets"]

        assert shown == {name: presets.read(name) for name in presets.names()}
        assert "online-retail" in shown


class TestGetImport:
    def test_shows_progress(self, http: Client, ask: Ask, step: Step) -> None:
        id = ask()
        step(id)

        answer = http.get(f"/v1/imports/{id}")

        job = answer.json
        assert (job["state"], job["progress"]["rows"]) == ("customers", 8)
        assert (job["progress"]["customers_of"], job["progress"]["orders_of"]) == (3, 5)
        assert answer.headers["ETag"] != '"1.0"'

    def test_shows_the_account_in_the_end(self, http: Client, ask: Ask, finish: Finish) -> None:
        id = ask()
        finish(id)

        job = http.get(f"/v1/imports/{id}").json

        assert (job["state"], job["reconciliation"]) == ("finished", SHOP_ACCOUNT)

    def test_answers_as_documented(self, http: Client, ask: Ask, finish: Finish) -> None:
        id = ask()
        finish(id)

        job = http.get(f"/v1/imports/{id}").json

        assert job.keys() == ImportSchema().fields.keys()
        assert ImportSchema().validate(job) == {}

    def test_says_that_nothing_has_changed(self, http: Client, ask: Ask, step: Step) -> None:
        id = ask()
        tag = http.get(f"/v1/imports/{id}").headers["ETag"]

        same = http.get(f"/v1/imports/{id}", headers={"If-None-Match": tag})
        step(id)
        changed = http.get(f"/v1/imports/{id}", headers={"If-None-Match": tag})

        assert (same.status_code, changed.status_code) == (304, 200)

    @pytest.mark.parametrize("id", ["f" * 24, "1", "presets.csv", "%00", "$ne"])
    def test_says_that_there_is_none(self, http: Client, id: str) -> None:
        for path in (f"/v1/imports/{id}", f"/v1/imports/{id}/rejects.csv"):
            assert http.get(path).status_code == 404


class TestGetRejects:
    def test_gives_rejected_rows_as_they_were(self, http: Client, ask: Ask, finish: Finish) -> None:
        strange = row("6", name='"Lee; ""Ann"""', placed_at="2024-02-30", sku="é")
        id = ask(SHOP + strange.encode())
        finish(id)

        answer = http.get(f"/v1/imports/{id}/rejects.csv")

        assert answer.status_code == 200
        assert answer.content_type == "text/csv; charset=utf-8"
        assert f"rejects-{id}.csv" in answer.headers["Content-Disposition"]
        header, *found = csv.reader(io.StringIO(answer.text, newline=""))
        assert header == ["row", "reason", *MAPPING["columns"].values()]
        assert [(line[0], line[2:]) for line in found] == [
            ("3", row("2", quantity="many").split(",")),
            ("6", row("C3", quantity="1", unit_price="9").split(",")),
            ("9", ["6", "2024-02-30", "7", 'Lee; "Ann"', "", "é", "2", "2.50"]),
        ]
        assert found[0][1] == 'The quantity "many" is not a number with "." before its decimals.'

    @pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
    def test_can_be_imported_again_with_the_same_mapping(
        self, http: Client, ask: Ask, finish: Finish, encoding: str
    ) -> None:
        own = {
            "mapping": json.dumps(MAPPING | {"format": {"encoding": encoding, "delimiter": ";"}})
        }
        strange = row("6", name="Müller", quantity="many", sku="é")
        id = ask((SHOP.decode() + strange).replace(",", ";").encode(encoding), **own)
        finish(id)

        rejects = http.get(f"/v1/imports/{id}/rejects.csv")

        assert rejects.content_type == f"text/csv; charset={encoding}"
        again = ask(rejects.data, **own)
        finish(again)
        text = http.get(f"/v1/imports/{again}/rejects.csv").data.decode(encoding)
        assert [line[-8:] for line in csv.reader(io.StringIO(text))][-1] == strange.split(",")

    def test_has_only_the_header_before_there_are_any(self, http: Client, ask: Ask) -> None:
        text = http.get(f"/v1/imports/{ask()}/rejects.csv").text

        assert text.count("\r\n") == 1

    def test_are_there_when_the_import_failed(
        self, http: Client, ask: Ask, step: Step, context: ImportContext
    ) -> None:
        id = ask()
        step(id)
        context.leave(context.jobs.delegation(id) or "")
        assert step(id) == "failed"

        assert http.get(f"/v1/imports/{id}/rejects.csv").text.count("\r\n") == 3


class TestRoles:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", ""),
            ("GET", ""),
            ("GET", "/presets"),
            ("GET", f"/{'a' * 24}"),
            ("GET", f"/{'a' * 24}/rejects.csv"),
        ],
    )
    def test_nobody_may_do_anything(self, http_as: As, method: str, path: str) -> None:
        answer = http_as(None).open(f"/v1/imports{path}", method=method)

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("role", ["sales", "admin"])
    def test_staff_may_do_everything(self, http_as: As, finish: Finish, role: str) -> None:
        http = http_as(role)

        job = send(http).json
        finish(job["id"])

        paths = ("", "/presets", f"/{job['id']}", f"/{job['id']}/rejects.csv")
        assert [http.get(f"/v1/imports{path}").status_code for path in paths] == [200] * 4

    def test_a_large_file_of_a_stranger_is_not_read(self, http_as: As) -> None:
        answer = http_as(None).post(
            "/v1/imports",
            content_type="multipart/form-data; boundary=x",
            environ_overrides=untouchable(10_000_000),
        )

        assert answer.status_code == 401

    def test_staff_see_each_other_s_imports(self, http_as: As, ask: Ask) -> None:
        assert http_as("admin").get(f"/v1/imports/{ask()}").status_code == 200


class TestDocuments:
    def test_openapi_is_valid_and_names_every_route(self, http: Client) -> None:
        document = http.get("/openapi.json").json

        validate(document)
        assert document["paths"].keys() == {
            "/v1/imports",
            "/v1/imports/presets",
            "/v1/imports/{id}",
            "/v1/imports/{id}/rejects.csv",
        }

    def test_says_what_the_form_holds(self, http: Client) -> None:
        document = http.get("/openapi.json").json

        body = document["paths"]["/v1/imports"]["post"]["requestBody"]["content"]
        name = body["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
        form = document["components"]["schemas"][name]
        assert form["properties"].keys() == {"file", "preset", "mapping"}
        assert form["required"] == ["file"]


class Untouchable(io.RawIOBase):
    """A body that nobody may read."""

    def read(self, _size: int = -1) -> bytes:
        """Fail."""
        raise AssertionError("The body was read.")


def untouchable(length: int) -> Document:
    """What a server says of a request whose body it has not read."""
    return {"wsgi.input": Untouchable(), "CONTENT_LENGTH": str(length)}


def send(
    http: Client, content: bytes = SHOP, *, headers: dict[str, str] | None = None, **form: str
) -> Any:
    """Ask for the import of a file, by the stall's mapping unless told."""
    return http.post(
        "/v1/imports",
        data={**(form or OWN_MAPPING), "file": (io.BytesIO(content), "shop.csv")},
        headers=headers or {},
    )
