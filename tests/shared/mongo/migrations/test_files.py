"""Migrations found in their folder."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from shared.mongo.migrations import MigrationsUnfit
from shared.mongo.migrations.files import find

TEXT = """
COLLECTION = "toys"
SCHEMA_VERSION = 2


def migrate(document):
    return document | {"schema_version": 2}
"""

Write = Callable[[dict[str, str]], str]


class TestFind:
    def test_finds_them_in_their_order(self, write: Write) -> None:
        package = write({"0002_b": TEXT, "0001_a": TEXT, "__init__": "", "helpers": "x = 1"})

        found = find(package)

        assert [one.name for one in found] == ["0001_a", "0002_b"]
        assert {(one.collection, one.schema_version) for one in found} == {("toys", 2)}
        assert found[0].migrate({"_id": "1"}) == {"_id": "1", "schema_version": 2}

    def test_knows_a_file_that_has_changed(self, write: Write) -> None:
        first, second = (
            find(write({"0001_a": text})) for text in (TEXT, TEXT + "# Another thing.\n")
        )

        assert first[0].checksum != second[0].checksum
        assert first[0].checksum == find(write({"0001_b": TEXT}))[0].checksum

    def test_finds_none_where_there_is_no_folder(self) -> None:
        assert find("services.orders.migrations_of_nobody") == ()

    @pytest.mark.parametrize(
        "names", [("0002_a",), ("0001_a", "0003_b"), ("0001_a", "0001_b")], ids=str
    )
    def test_refuses_numbers_with_gaps(self, write: Write, names: tuple[str, ...]) -> None:
        package = write(dict.fromkeys(names, TEXT))

        with pytest.raises(MigrationsUnfit, match=f"{names[-1]} should have the number 000"):
            find(package)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """`write(files)`: a package with these files; its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(files: dict[str, str]) -> str:
        # Another name each time, for modules are remembered by it.
        package = f"made_{uuid4().hex}"
        (tmp_path / package).mkdir()
        for name, text in files.items():
            (tmp_path / package / f"{name}.py").write_text(text, "utf-8")
        return package

    return make
