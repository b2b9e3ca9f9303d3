"""Imports of each kind of process: what it uses, and nothing else.

Each is run in a process of its own, for here everything has been imported already. Modules are
counted, not bytes, which differ from one machine to the next.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.__main__ import FILES, cli
from services.registry import SERVICES

ROOT = Path(__file__).parents[2]
WEB = {"flask", "flask_smorest", "granian", "flask_swagger_ui", "apispec"}
QUEUE = {"celery", "kombu", "redis"}
RULES = {"babel", "phonenumbers"}

LIGHT = [
    # What runs, what it must not import, and how many modules it may; a tenth more than it does.
    ("services.__main__", {*WEB, *QUEUE, *RULES, "pymongo", "rich", "structlog"}, 110),
    (
        "services.cli.relay",
        {*WEB, "cryptography.x509", "phonenumbers", "requests", "prompt_toolkit", "rich"},
        710,
    ),
    (
        "services.cli.worker",
        {*WEB, "cryptography.x509", "phonenumbers", "requests", "prompt_toolkit", "rich"},
        715,
    ),
    ("services.cli.web", {*WEB - {"granian"}, *QUEUE, *RULES, "pymongo", "requests", "rich"}, 320),
    (
        "services.cli.run",
        {*WEB, "cryptography.x509", "celery", "kombu", *RULES, "rich", "requests"},
        500,
    ),
    ("shared.settings", {*WEB, *QUEUE, *RULES, "pymongo", "rich", "structlog"}, 175),
]


class TestProcesses:
    @pytest.mark.parametrize(("module", "heavy", "most"), LIGHT, ids=[one[0] for one in LIGHT])
    def test_import_what_they_use(self, module: str, heavy: set[str], most: int) -> None:
        found = imported(f"import {module}")

        assert heavy & found == set()
        assert len(found) <= most

    @pytest.mark.parametrize("service", SERVICES)
    def test_of_a_relay_import_no_other_service(self, service: str) -> None:
        found = imported(
            "import services.cli.relay\n"
            "from services import registry\n"
            f"registry.collections({service!r}), registry.publishes({service!r})"
        )

        assert services(found) == {service}
        assert {
            "flask",
            "granian",
            "cryptography.x509",
            "phonenumbers",
            "requests",
        } & found == set()

    @pytest.mark.parametrize("service", SERVICES)
    def test_of_a_worker_import_no_other_service(self, service: str) -> None:
        found = imported(f"import services.cli.worker, services.{service}.worker")

        assert services(found) == {service}
        assert {"flask", "granian", "cryptography.x509", "prompt_toolkit"} & found == set()

    @pytest.mark.parametrize("service", SERVICES)
    def test_of_the_web_import_no_other_service(self, service: str) -> None:
        found = imported(f"import services.{service}.app")

        assert services(found) == {service}
        assert {*QUEUE, "granian"} & found == set()


class TestCommands:
    def test_are_each_where_the_table_says(self) -> None:
        with cli.make_context("kith", [], resilient_parsing=True) as context:
            found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}

        assert {name: command.name for name, command in found.items() if command} == {
            name: name for name in FILES
        }

    def test_are_all_in_the_table(self) -> None:
        files = {path.stem for path in (ROOT / "services" / "cli").glob("*.py")}

        assert files - {"__init__", "terminal", "import_client"} == set(FILES.values())

    def test_that_nobody_knows_are_refused(self) -> None:
        ended = subprocess.run(
            (sys.executable, "-m", "services", "dance"), cwd=ROOT, capture_output=True, text=True
        )

        assert ended.returncode == 2
        assert "No such command 'dance'" in ended.stderr


def imported(code: str) -> set[str]:
    """The names of all modules that are there after this code, the interpreter's included."""
    ended = subprocess.run(  # noqa: S603 - our own interpreter runs our own code.
        (sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(ended.stdout))


def services(modules: set[str]) -> set[str]:
    """The services that any of these modules belongs to."""
    return {name.split(".")[1] for name in modules if name.startswith("services.")} & set(SERVICES)
