"""The chapter on security: every risk has its tests, and they are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "docs/security.md"
ROW = re.compile(r"^\| (API\d+) [^|]*\|[^|]*\|(?P<tests>[^|]*)\|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
RISKS = {f"API{number}" for number in range(1, 11)}


class TestChapter:
    def test_names_tests_of_every_risk(self) -> None:
        rows = {row[1]: NAMED.findall(row["tests"]) for row in ROW.finditer(CHAPTER.read_text())}

        assert rows.keys() == RISKS
        assert [risk for risk, tests in rows.items() if not tests] == []

    def test_names_tests_that_exist(self) -> None:
        named = NAMED.findall(CHAPTER.read_text())

        assert [test for test in named if not exists(*test)] == []

    def test_would_notice_one_that_does_not(self) -> None:
        assert not exists("tests/security/test_nothing.py", "")
        assert not exists("tests/project/test_security.py", "TestNothing")


def exists(path: str, story: str) -> bool:
    file = ROOT / path
    return file.exists() and (not story or f"class {story}:" in file.read_text())
