"""What the OpenAPI documents of services say can be sent: operations, fields of bodies, queries."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.house import House

Json = dict[str, Any]
Path = tuple[str, ...]
WRITES = frozenset({"post", "put", "patch", "delete"})


@dataclass(frozen=True)
class Operation:
    """One method at one address, with what may be sent to it."""

    service: str
    method: str
    path: str
    fields: tuple[Path, ...]
    queries: tuple[str, ...]
    headers: tuple[str, ...]
    is_form: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def places(self) -> tuple[str, ...]:
        """The names in its address."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


def operations(house: House) -> list[Operation]:
    """All that the services describe."""
    return [
        _operation(service, document, path, method, described)
        for service in house.apps
        for document in (house.call(service, "GET", "/openapi.json").get_json(),)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method != "parameters"
    ]


def _operation(service: str, document: Json, path: str, method: str, described: Json) -> Operation:
    content = described.get("requestBody", {}).get("content", {})
    fields = [
        field for media in content.values() for field in _fields(document, media["schema"], ())
    ]
    parameters = [_resolved(document, one) for one in described.get("parameters", ())]
    return Operation(
        service=service,
        method=method.upper(),
        path=path,
        fields=tuple(dict.fromkeys(fields)),
        queries=tuple(one["name"] for one in parameters if one["in"] == "query"),
        headers=tuple(one["name"] for one in parameters if one["in"] == "header"),
        is_form="multipart/form-data" in content,
    )


def _fields(document: Json, schema: Json, path: Path) -> Iterator[Path]:
    """The paths of all fields, containers and what is in them; a list's entry is `0`."""
    schema = _resolved(document, schema)
    for kind in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(kind, ()):
            yield from _fields(document, one, path)
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name)
        yield from _fields(document, inner, (*path, name))
    if "items" in schema:
        yield (*path, "0")
        yield from _fields(document, schema["items"], (*path, "0"))
    if isinstance(schema.get("additionalProperties"), dict):
        # A name that is free to choose.
        yield (*path, "a")


def _resolved(document: Json, schema: Json) -> Json:
    while "$ref" in schema:
        found: Any = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        schema = found
    return schema
