"""Migration files of a service: found in its folder, numbered from 0001, and checked.

A file has `COLLECTION`, `SCHEMA_VERSION` (that of the documents it makes) and `migrate(document)`,
which turns a raw document of the version before into one of this, and must not change the given
one. It may not import what may change later: it is applied as it was written.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from shared.document import Document
from shared.mongo.migrations import MigrationsUnfit

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+")


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One change of the documents of one collection."""

    name: str
    checksum: str
    """Of its file, so that one that was applied is known to be the one that is here."""
    collection: str
    schema_version: int
    """The version in its new documents. Those before it have one less, or none for 1."""
    migrate: Callable[[Document], Document]

    @property
    def older(self) -> Document:
        """A query for the documents that are of an earlier form."""
        return {"schema_version": {"$not": {"$gte": self.schema_version}}}


def find(package: str) -> tuple[Migration, ...]:
    """The migrations in a package, in their order; none if there is no such package.

    :raises MigrationsUnfit: they are not numbered one by one.
    """
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return ()
    names = sorted(
        module.name
        for module in iter_modules(spec.submodule_search_locations)
        if _NAME.fullmatch(module.name)
    )
    for number, name in enumerate(names, 1):
        if int(name[:4]) != number:
            raise MigrationsUnfit(
                f"{package}.{name} should have the number {number:04}: migrations are numbered one "
                "by one."
            )
    return tuple(_load(package, name) for name in names)


def _load(package: str, name: str) -> Migration:
    module = import_module(f"{package}.{name}")
    return Migration(
        name=name,
        checksum=sha256(Path(str(module.__file__)).read_bytes()).hexdigest(),
        collection=module.COLLECTION,
        schema_version=module.SCHEMA_VERSION,
        migrate=module.migrate,
    )
