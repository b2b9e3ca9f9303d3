"""The targets of the Makefile: all are described, and hand on what they are given."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


class TestHelp:
    def test_is_what_make_alone_shows(self, clone: Path) -> None:
        ended = make(clone)

        listed = re.findall(r"^  make (\S+) +\S", ended.stdout, re.MULTILINE)
        assert ended.returncode == 0
        assert listed == targets()

    def test_describes_every_target_that_is_meant_to_be_called(self) -> None:
        meant = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)

        assert " ".join(meant).split() == targets()


class TestImport:
    def test_asks_for_the_file(self, clone: Path) -> None:
        build(clone)

        ended = make(clone, "import")

        assert ended.returncode != 0
        assert ended.stderr.startswith("Name the file: make import FILE=orders.csv.gz")

    def test_hands_on_what_it_was_given(self, clone: Path) -> None:
        build(clone)

        ended = make(clone, "import", "FILE=my $$shop's.csv", "PRESET=online-retail")

        assert ended.stdout == "-m\nservices\nimport\nmy $shop's.csv\n--preset\nonline-retail\n"


class TestAdminPassword:
    def test_asks_for_the_user(self, clone: Path) -> None:
        build(clone)

        ended = make(clone, "admin-password")

        assert ended.returncode != 0
        assert ended.stderr.startswith("Name the user: make admin-password EMAIL=")

    def test_hands_on_what_it_was_given(self, clone: Path) -> None:
        build(clone)

        ended = make(clone, "admin-password", "EMAIL=o'boss $$1@shop.example")

        assert ended.stdout == "-m\nservices\nadmin-password\no'boss $1@shop.example\n"


class TestBackup:
    def test_hands_on_what_it_was_given(self, clone: Path) -> None:
        build(clone)

        assert make(clone, "backup").stdout == "-m\nservices\nbackup\n"
        assert (
            make(clone, "backup", "TO=my $$own").stdout == "-m\nservices\nbackup\n--to\nmy $own\n"
        )


class TestRestore:
    @pytest.mark.parametrize("target", ["restore", "restore-check"])
    def test_asks_for_the_backup(self, clone: Path, target: str) -> None:
        build(clone)

        ended = make(clone, target)

        assert ended.returncode != 0
        assert ended.stderr.startswith(f"Name the backup: make {target} FROM=backups/kith-")

    def test_hands_on_what_it_was_given(self, clone: Path) -> None:
        build(clone)

        restored = make(clone, "restore", "FROM=a b", "INTO=other").stdout
        checked = make(clone, "restore-check", "FROM=a b").stdout

        assert restored == "-m\nservices\nrestore\na b\n--into\nother\n"
        assert checked == "-m\nservices\nrestore-check\na b\n"


class TestSample:
    def test_is_as_large_as_it_is_told(self, clone: Path) -> None:
        build(clone)

        ended = make(clone, "sample", "CUSTOMERS=100", "ORDERS=300", "SEED=7", "ADD=1")

        assert ended.stdout.split() == [
            *("-m", "services", "sample", "--customers", "100", "--orders", "300"),
            *("--seed", "7", "--add"),
        ]

    def test_has_a_size_of_its_own(self, clone: Path) -> None:
        build(clone)

        assert make(clone, "sample").stdout.split() == ["-m", "services", "sample"]


class TestSchema:
    def test_hands_on_what_it_was_given(self, clone: Path) -> None:
        build(clone)

        assert make(clone, "schema").stdout == "-m\nservices\nschema\n"
        assert make(clone, "schema", "PRUNE=1").stdout == "-m\nservices\nschema\n--prune\n"
        assert make(clone, "schema-check").stdout == "-m\nservices\nschema-check\n"


class TestMigrate:
    def test_hands_on_what_it_was_given(self, clone: Path) -> None:
        build(clone)

        alone = make(clone, "migrate").stdout
        told = make(clone, "migrate", "DRY_RUN=1", "SERVICE=customers", "BATCH=50").stdout

        assert alone == "-m\nservices\nmigrate\n"
        assert told == ("-m\nservices\nmigrate\n--service\ncustomers\n--dry-run\n--batch\n50\n")


class TestDoctor:
    def test_has_slow_queries_noted(self, clone: Path) -> None:
        build(clone)

        ended = make(clone, "doctor", "PROFILE=100")

        assert ended.stdout.split() == ["-m", "services", "doctor", "--profile", "100"]


class TestEvents:
    def test_commands_hand_on_what_they_were_given(self, clone: Path) -> None:
        build(clone)

        listed = make(clone, "dead-letters", "SERVICE=orders").stdout
        replayed = make(clone, "replay", "ID=a b", "SINCE=2026-11-24", "SERVICE=orders").stdout
        resynced = make(clone, "resync", "SERVICE=orders", "AFTER=x").stdout

        assert make(clone, "events").stdout == "-m\nservices\nevents\n"
        assert resynced == "-m\nservices\nresync\n--service\norders\n--after\nx\n"
        assert listed == "-m\nservices\ndead-letters\n--service\norders\n"
        assert replayed == (
            "-m\nservices\nreplay\n--id\na b\n--since\n2026-11-24\n--service\norders\n"
        )


class TestVenv:
    def test_names_the_debian_package_that_is_missing(self, clone: Path) -> None:
        python = write(
            clone / "python",
            f'case "$2" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"',
        )

        ended = make(clone, "venv", f"PYTHON={python}")

        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        assert ended.returncode != 0
        assert ended.stderr.splitlines()[0] == (
            f"{python} cannot make virtual environments: install the Debian package "
            f"python{version}-venv, or name another with PYTHON=/path/to/python."
        )

    def test_says_that_python_is_too_old(self, clone: Path) -> None:
        python = write(clone / "python", "exit 1")

        ended = make(clone, "venv", f"PYTHON={python}")

        assert ended.returncode != 0
        assert ended.stderr.startswith(
            f"Kith needs a Python of 3.11 or later, and {python} is not; "
        )

    def test_says_that_there_is_no_python(self, clone: Path) -> None:
        ended = make(clone, "venv", "PYTHONS=no-such-python")

        assert ended.returncode != 0
        assert ended.stderr.startswith("Kith needs a Python of 3.11 or later, and none of ")

    def test_is_left_alone_when_it_is_up_to_date(self, clone: Path) -> None:
        build(clone)

        ended = make(clone, "venv", "PYTHONS=no-such-python")

        assert ended.returncode == 0


def targets() -> list[str]:
    """The targets that the Makefile describes."""
    return re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE)


def make(place: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run make in a folder, with nothing that the make around the tests has set."""
    program = shutil.which("make")
    assert program
    inherited = (
        *("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "FILE", "PRESET", "MAPPING"),
        *("TO", "FROM", "INTO"),
        *("CUSTOMERS", "ORDERS", "SEED", "ADD", "MEASURE", "PROFILE"),
    )
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(  # noqa: S603 - our own Makefile.
        (program, *arguments), cwd=place, env=environment, capture_output=True, text=True
    )


def build(place: Path) -> None:
    """A virtual environment that is up to date, whose Python only shows what it is given."""
    binaries = place / ".venv" / "bin"
    binaries.mkdir(parents=True)
    write(binaries / "python", "printf '%s\\n' \"$@\"")
    (place / ".venv" / "built-from-lock").touch()


def write(path: Path, script: str) -> Path:
    """A program that runs a shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the Makefile and an empty lock, and nothing built."""
    (tmp_path / "requirements-dev.lock").touch()
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path
