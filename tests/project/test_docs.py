"""Documentation: README and chapters agree with the settings, the Makefile and the tree."""

import inspect
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from environs import Env

from services.tools import settings as operator_settings
from shared import settings as process_settings
from shared.settings import PORTS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
MAX_README_LINES = 150
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE = sorted(path for part in ("services", "shared") for path in (ROOT / part).rglob("*.py"))
CHANGING = ROOT / "docs/changing.md"
OPERATING = ROOT / "docs/operating.md"
CONTAINERS = ROOT / "docs/containers.md"

PATH = re.compile(
    r"(?:services|shared|tests|docs)/[\w./*-]*|Makefile|Dockerfile|[\w-]+\.(?:yml|md)"
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

in_each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


class TestReadme:
    def test_is_short(self) -> None:
        assert len(README.read_text().splitlines()) <= MAX_README_LINES


class TestLinks:
    @in_each_document
    def test_lead_to_files_and_headings_that_exist(self, document: Path) -> None:
        assert [link for link in links(document) if not leads_somewhere(document, link)] == []

    def test_lead_from_the_readme_to_every_chapter(self) -> None:
        chapters = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}

        assert chapters - {link.partition("#")[0] for link in links(README)} == set()

    def test_lead_to_every_decision(self) -> None:
        index = ROOT / "docs/decisions/README.md"
        decisions = {path.name for path in index.parent.glob("*.md")} - {index.name}

        assert decisions == {link for link in links(index) if "/" not in link}

    def test_that_lead_nowhere_are_noticed(self) -> None:
        assert not leads_somewhere(README, "docs/nothing.md")
        assert not leads_somewhere(README, "docs/changing.md#nothing")


class TestPaths:
    @in_each_document
    def test_name_files_that_exist(self, document: Path) -> None:
        named = [name for name in quoted(prose(document)) if PATH.fullmatch(name)]
        real = [path for path in named if not path.endswith("/X")]  # X stands for any name.

        assert [path for path in real if not exists(path, beside=document)] == []


class TestEverydayChanges:
    def test_are_made_where_the_chapter_says(self) -> None:
        """Each row names files and what to look for; one of the files has each of the names."""
        rows = list(table(CHANGING, "Where everyday changes go"))

        assert len(rows) >= 30
        assert [name for row in rows for name in missing(row)] == []


class TestVariables:
    def test_have_the_defaults_of_the_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert documented("Variables") == read_by_settings(monkeypatch)

    def test_are_read_by_no_other_module(self) -> None:
        readers = {path for path in CODE if re.search(r"^(from|import) environs", text(path), re.M)}

        assert readers == {
            Path(module.__file__ or "") for module in (process_settings, operator_settings)
        }

    def test_of_make_are_those_that_the_makefile_hands_on(self) -> None:
        handed_on = set(re.findall(r"\$\$\{?([A-Z][A-Z_]*)\b", text(ROOT / "Makefile")))

        assert set(documented("Arguments of make")) == handed_on

    def test_of_compose_are_named_in_its_chapter(self) -> None:
        named = {name for row in table(CONTAINERS, "Variables") for name in quoted(row)}

        assert handed_on_by_compose() <= named


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def prose(document: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text(document), flags=re.M | re.S)


def quoted(line: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", line)


def links(document: Path) -> list[str]:
    """The targets of a document's links to files and headings of the project."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(document))
    return [link for link in found if "://" not in link]


def leads_somewhere(document: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = document.parent / name if name else document
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(document: Path) -> set[str]:
    """The headings of a document, as links name them."""
    headings = re.findall(r"^#+ (.+)$", prose(document), flags=re.M)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def exists(path: str, *, beside: Path) -> bool:
    return any(
        folder.joinpath(path).exists() or ("*" in path and any(folder.glob(path)))
        for folder in (ROOT, beside.parent)
    )


def table(document: Path, heading: str) -> Iterator[str]:
    """The rows of the tables under a heading, without their titles."""
    _, _, after = prose(document).partition(f"# {heading}\n")
    section = re.split(r"^#+ ", after, flags=re.M)[0]
    rows = re.findall(r"^\|.*\|$", section, flags=re.M)
    for row, below in zip(rows, [*rows[1:], ""], strict=True):
        if not row.startswith("|---") and not below.startswith("|---"):
            yield row


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def missing(row: str) -> list[str]:
    """The files of a row of everyday changes that do not exist, and the names in none of them."""
    _, places, things = cells(row)
    files = [path for path in quoted(places) if PATH.fullmatch(path)]
    names = [name for name in quoted(things) if NAME.fullmatch(name)]
    held = "\n".join(text(file) for path in files for file in sorted(ROOT.glob(path)))
    return [
        *(path for path in files if not any(ROOT.glob(path))),
        *(name for name in names if not re.search(rf"\b{name}\b", held)),
    ]


def documented(heading: str) -> dict[str, str]:
    """Variable and default from the table under a heading of the operating chapter."""
    rows = [cells(row) for row in table(OPERATING, heading)]
    return {quoted(row[0])[0]: "".join(quoted(row[1])[:1]) for row in rows}


def read_by_settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Every variable that a loader of settings asks for, with its default in an empty environment.

    Where two loaders have defaults, one of which is empty, the other counts: the empty one only
    says that nothing was given.
    """
    asked: dict[str, set[str]] = defaultdict(set)
    seal = Env.seal

    def note(env: Env) -> None:
        values: Mapping[str, Any] = env._values
        for name, value in values.items():
            asked[name].add(shown(value))
        seal(env)

    with monkeypatch.context() as patched:
        patched.setattr(os, "environ", {})
        patched.setattr(Env, "seal", note)
        for service in PORTS:
            process_settings.load(service)
        for load in loaders(operator_settings):
            load()
    assert all(len(defaults - {""}) <= 1 for defaults in asked.values())
    return {name: max(defaults) for name, defaults in asked.items()}


def loaders(module: ModuleType) -> list[Any]:
    return [
        function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("load") and function.__module__ == module.__name__
    ]


def shown(value: object) -> str:
    """A default as somebody would set it."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def handed_on_by_compose() -> set[str]:
    """The variables that Compose takes from its own environment."""
    compose = yaml.safe_load(text(ROOT / "docker-compose.yml"))
    environments = [service.get("environment", {}) for service in compose["services"].values()]
    return {name for one in environments for name, value in one.items() if value is None}
