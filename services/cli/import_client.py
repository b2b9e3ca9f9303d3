"""Client of the imports service: sends a file, follows its import, and accounts for its rows.

Knows no terminal.
"""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from shared.api_client import ApiClient, ApiRefused, GivenToken, RefreshedToken, TokenSource
from shared.document import Document

POLL_SECONDS = 0.5
PASSWORD_ONE_TIME = "urn:kith:problem:password-one-time"  # noqa: S105 - the type of a refusal
_CHOOSE = " Do that once by POST /v1/tokens; then import with the new password."
_PIECE = 1024 * 1024
_PHASES = {"rows": "reading rows", "customers": "customers", "orders": "orders"}
"""Counts of a job in the order of its work, each with its name for people."""

Progress = Callable[[str, int, int | None], None]
"""Is given what is being done, how many of it are, and of how many."""


class ImportFailed(Exception):
    """The import did not come to an end; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """The file to import, and how to read it: a preset's name or a mapping file."""

    file: Path
    preset: str | None
    mapping: Path | None


def sign_in(accounts_url: str, *, token: str, email: str, password: str) -> TokenSource:
    """The source of the client's tokens: the given one, or a sign-in.

    :raises ImportFailed: neither a token nor a password is there, or they are not right.
    """
    if token:
        return GivenToken(token)
    if not password:
        raise ImportFailed("Say who you are: set ADMIN_PASSWORD (and ADMIN_EMAIL), or TOKEN.")
    try:
        tokens = ApiClient(accounts_url).post("/v1/tokens", {"email": email, "password": password})
    except ApiRefused as error:
        hint = _CHOOSE if error.problem.get("type") == PASSWORD_ONE_TIME else ""
        raise ImportFailed(f"Signing in as {email} was refused: {error}{hint}") from error
    return RefreshedToken(accounts_url, tokens["refresh_token"])


def run(
    imports: ApiClient,
    request: ImportRequest,
    *,
    progress: Progress,
    sleep: Callable[[float], None],
) -> Document:
    """Send the file, follow its import to the end, and return the job.

    :raises ImportFailed: the file is not taken, or the import failed.
    """
    try:
        job = _send(imports, request)
        while job["state"] not in {"finished", "failed"}:
            _show(job, progress)
            sleep(POLL_SECONDS)
            job = imports.get(f"/v1/imports/{job['id']}")
        _show(job, progress)
    except ApiRefused as error:
        details = "".join(
            f"\n  {one['field']}: {one['message']}"
            for one in error.problem.get("errors", ())
            if one["message"] != str(error)
        )
        raise ImportFailed(f"{error}{details}") from error
    if job["state"] == "failed":
        raise ImportFailed(f"The import failed: {job['failure']}")
    return job


def account(job: Document) -> Iterator[str]:
    """The reconciliation as lines of text."""
    counted = job["reconciliation"]
    for name in ("rows", "accepted", "rejected", "orders", "returns", "guest_orders", "customers"):
        yield f"{name.replace('_', ' '):<14}{counted[name]:>16,}"
    for kind in ("orders", "customers"):
        yield f"{kind + ' new':<14}{counted['created'][kind]:>16,}"
    for total in counted["totals"]:
        for name in ("accepted", "rejected", "file"):
            yield f"{'total ' + name:<14}{_grouped(total[name]):>16} {total['currency']}"
    if counted["rejected"]:
        yield f"rejected rows: GET /v1/imports/{job['id']}/rejects.csv"


def is_accounted_for(job: Document) -> bool:
    """True if every row was accepted or rejected, and none is missing."""
    counted = job["reconciliation"]
    return bool(
        counted["rows"] == counted["accepted"] + counted["rejected"] == job["progress"]["rows"]
    )


class Form(io.RawIOBase):
    """A multipart/form-data body (RFC 7578), read from the file while it is sent."""

    def __init__(self, fields: dict[str, str], name: str, stream: BinaryIO, size: int) -> None:
        self.boundary = uuid4().hex
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        ]
        safe = name.replace('"', "_").replace("\r", "_").replace("\n", "_")
        parts.append(
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{safe}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        head, tail = "".join(parts).encode(), f"\r\n--{self.boundary}--\r\n".encode()
        self._sources: list[BinaryIO] = [io.BytesIO(head), stream, io.BytesIO(tail)]
        self._length = len(head) + size + len(tail)

    def __len__(self) -> int:
        return self._length

    def tell(self) -> int:
        """The beginning; requests asks, to measure how much is still to be sent."""
        return 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        while self._sources:
            piece = self._sources[0].read(min(size, _PIECE) if size > 0 else _PIECE)
            if piece:
                return piece
            self._sources.pop(0)
        return b""


def _send(imports: ApiClient, request: ImportRequest) -> Document:
    fields = {"preset": request.preset} if request.preset else {"mapping": _read(request.mapping)}
    try:
        with request.file.open("rb") as stream:
            form = Form(fields, request.file.name, stream, request.file.stat().st_size)
            content = {"Content-Type": f"multipart/form-data; boundary={form.boundary}"}
            # Not tried again: the file has been read. Whoever runs this may, and nothing is
            # doubled.
            return imports.post_stream("/v1/imports", form, headers=content)
    except OSError as error:
        raise ImportFailed(f"{request.file} cannot be read: {error.strerror}.") from error


def _read(mapping: Path | None) -> str:
    if mapping is None:
        raise ImportFailed("Say how to read the file: PRESET=online-retail, or MAPPING=file.json.")
    try:
        text = mapping.read_text(encoding="utf-8")
        json.loads(text)
    except OSError as error:
        raise ImportFailed(f"{mapping} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ImportFailed(f"{mapping} is not valid JSON: {error}.") from error
    return text


def _show(job: Document, progress: Progress) -> None:
    """Report each phase that has begun."""
    counted = job["progress"]
    for name, label in _PHASES.items():
        if counted[f"{name}_of"] or name == "rows":
            progress(label, counted[name], counted[f"{name}_of"] or None)


def _grouped(amount: str) -> str:
    whole, point, decimals = amount.partition(".")
    return f"{int(whole):,}{point}{decimals}" if whole not in {"-0", "-"} else amount
