"""HTTP routes of imports: parse, call one operation, render."""

import codecs
from contextlib import closing
from http import HTTPStatus
from typing import BinaryIO, cast

from flask import Response, current_app, request
from werkzeug.datastructures import FileStorage

from services.imports import operations, presets, shop_client
from services.imports.context import ImportContext
from services.imports.operations import Requester
from services.imports.reading.mapping import Mapping
from services.imports.reading.table import inspect
from services.imports.schemas import (
    ImportPageSchema,
    ImportQuerySchema,
    ImportSchema,
    NewImportFormSchema,
    NewImportSchema,
    PresetsSchema,
)
from shared import clock
from shared.api_client import ApiRefused, ApiUnreachable
from shared.auth.middleware import allow, caller
from shared.document import Document
from shared.errors import Forbidden, TooMany, Unauthenticated, Unavailable, invalid
from shared.settings import Settings
from shared.values.text import CONTROL, HIDDEN, is_blank
from shared.web import responses
from shared.web.app import without_deadline
from shared.web.bodies import BodyLimit, body_limit
from shared.web.parsing import ApiBlueprint, idempotency_key

FORM_BYTES = 64 * 1024
"""Room for the form around the file."""

blueprint = ApiBlueprint(
    "imports",
    __name__,
    url_prefix="/v1/imports",
    description="A shop's files, and what became of every row.",
)


def _context() -> ImportContext:
    context: ImportContext = current_app.extensions["imports"]
    return context


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings


def _file_limit() -> BodyLimit:
    most = _settings().import_max_bytes
    return BodyLimit(
        most + FORM_BYTES,
        advice=f"A file may have at most {most} bytes; "
        "send it gzipped or in parts, or raise IMPORT_MAX_BYTES.",
    )


@blueprint.post("")
@allow("sales", "admin")
@without_deadline
@body_limit(_file_limit)
@blueprint.doc(
    requestBody={
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"$ref": "#/components/schemas/NewImportForm"},
            }
        },
    }
)
@blueprint.answers(202, ImportSchema)
@blueprint.documents_creation()
@blueprint.refuses(429)
def ask_for_import() -> Response:
    """Import a file.

    A CSV (also gzipped), one order line a row, and a `preset` or a `mapping` that says which column
    is which.

    The work goes on in the background, as you, for up to a day; look at the job for its progress.
    It ends when you sign out.
    """
    upload, form = _upload(), _form()
    mapping = operations.read_mapping(form.get("preset"), form.get("mapping"))
    asked = Requester(caller().id, idempotency_key(), _delegate)
    job = operations.ask(
        _context().jobs,
        _context().files,
        name=str(upload.filename),
        stream=cast(BinaryIO, upload.stream),
        preset=form.get("preset"),
        mapping=mapping,
        asked=asked,
        now=clock.now(),
        max_bytes=_settings().import_max_unpacked_bytes,
    )
    return responses.entity(job, status=202, location=f"imports/{job['_id']}")


@blueprint.get("")
@allow("sales", "admin")
@blueprint.arguments(ImportQuerySchema, location="query")
@blueprint.answers(200, ImportPageSchema)
def list_imports(query: Document) -> Response:
    """List imports, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    found = _context().jobs.search(query, after=responses.position(query, cursor), limit=limit)
    return responses.page(found, filters=query)


@blueprint.get("/presets")
@allow("sales", "admin")
@blueprint.answers(200, PresetsSchema)
def list_presets() -> Response:
    """Show the mappings that come with Kith; write your own after them."""
    return responses.data({"presets": {name: presets.read(name) for name in presets.names()}})


@blueprint.get("/<id>")
@allow("sales", "admin")
@blueprint.answers(200, ImportSchema)
def get_import(id: str) -> Response:
    """Show one import: its state, how far it has come, and in the end its reconciliation."""
    return responses.entity(_context().jobs.get(id))


@blueprint.get("/<id>/rejects.csv")
@allow("sales", "admin")
@blueprint.answers(200, content_type="text/csv")
def get_rejects(id: str) -> Response:
    """Download the rejected rows: row number, reason, and the row as it was."""
    mapping = Mapping.from_dict(_context().jobs.get(id)["mapping"])
    rows = _context().rows.rejected(id)
    with closing(_context().files.open(id)) as stream:
        head = inspect(stream, mapping, max_bytes=_settings().import_max_unpacked_bytes)
    # It is to be imported again with this mapping.
    encoding = codecs.lookup(mapping.format.encoding or "utf-8").name
    pieces = operations.write_rejects(rows, list(head.header))
    return Response(
        codecs.iterencode(pieces, encoding, "replace"),
        content_type=f"text/csv; charset={encoding}",
        headers={"Content-Disposition": f'attachment; filename="rejects-{id}.csv"'},
    )


def _upload() -> FileStorage:
    uploads = request.files.getlist("file")
    if len(uploads) != 1 or not uploads[0].filename:
        raise invalid("file", "Send one file as multipart/form-data, in a field named file.")
    name = uploads[0].filename
    if CONTROL.search(name) or HIDDEN.search(name) or is_blank(name):
        raise invalid("file", "Its name has characters that nobody sees; rename it.")
    return uploads[0]


def _form() -> Document:
    """The form fields beside the file, checked."""
    errors = NewImportSchema().validate(request.form)
    for name, messages in errors.items():
        raise invalid(str(name), " ".join(messages))
    return dict(request.form)


def _delegate() -> str:
    """A delegation by the caller, sealed."""
    try:
        delegation = shop_client.delegate(_settings(), request.headers["Authorization"])
    except ApiUnreachable as error:
        raise Unavailable(
            "The accounts service does not answer now; try again in a moment."
        ) from error
    except ApiRefused as error:
        if error.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise TooMany(str(error), retry_after=60) from error
        # The token was revoked a moment ago, or is one that cannot be passed on.
        refusals = {401: Unauthenticated, 403: Forbidden}
        if error.status not in refusals:
            raise
        raise refusals[error.status](str(error)) from error
    return _context().seal.close(delegation)


SCHEMAS = (NewImportFormSchema,)
"""Schemas of the multipart form, which is documented by hand."""
