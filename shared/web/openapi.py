"""OpenAPI 3.1 document of a service at `/openapi.json`, and a page to try it at `/docs`.

Everything the page needs comes from this process, by relative address, so that it works offline
and behind a gateway with a path of its own.
"""

from functools import cache
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, current_app, send_from_directory
from flask_smorest import Api

from shared.auth.middleware import public
from shared.document import Document
from shared.web.description import describe
from shared.web.responses import data

_ASSETS = Path(flask_swagger_ui.__file__).parent / "dist"
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png"></head>
<body><div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null,
});
"""
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'"
)


def blueprint(api: Api, *, title: str) -> Blueprint:
    """The routes of the description."""
    routes = Blueprint("docs", __name__)

    @cache
    def description() -> Document:
        # Once, and not before somebody asks: by then all routes are there.
        return describe(current_app, api)

    @routes.get("/openapi.json")
    @public
    def openapi() -> Response:
        return data(description())

    @routes.get("/docs")
    @public
    def page() -> Response:
        return _with_policy(
            Response(_PAGE.format(title=title), content_type="text/html; charset=utf-8")
        )

    @routes.get("/docs/start.js")
    @public
    def start() -> Response:
        return Response(_START, content_type="text/javascript")

    @routes.get("/docs/<path:name>")
    @public
    def asset(name: str) -> Response:
        return send_from_directory(_ASSETS, name, max_age=3600)

    return routes


def _with_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    return response
