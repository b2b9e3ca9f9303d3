import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared import logs


class TestConfigure:
    def test_writes_our_lines_and_those_of_libraries_in_one_shape(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logs.configure("INFO", as_json=True)

        structlog.get_logger("ours").info("order_placed", order_id="a")
        logging.getLogger("theirs").warning("slow %s", "disk", extra={"seconds": 3})

        written = capsys.readouterr()
        ours, theirs = (json.loads(line) for line in written.err.splitlines())
        assert written.out == ""
        assert (ours["event"], ours["order_id"]) == ("order_placed", "a")
        assert (theirs["event"], theirs["seconds"]) == ("slow disk", 3)
        assert [(each["level"], each["logger"]) for each in (ours, theirs)] == [
            ("info", "ours"),
            ("warning", "theirs"),
        ]
        assert set(ours) == {"event", "order_id", "level", "logger", "timestamp"}

    def test_writes_text_for_people(self, capsys: pytest.CaptureFixture[str]) -> None:
        logs.configure("INFO", as_json=False)

        structlog.get_logger("ours").info("order_placed", order_id="a b")

        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("timestamp=")
        assert line.endswith('level=info event=order_placed order_id="a b" logger=ours')

    def test_leaves_out_what_is_not_asked_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        logs.configure("WARNING", as_json=True)

        structlog.get_logger("ours").info("request_refused")

        assert capsys.readouterr().err == ""

    def test_tells_a_failure_without_what_its_variables_held(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logs.configure("INFO", as_json=True)

        def fail(password: str) -> None:
            assert password
            raise ValueError("no")

        try:
            fail("correct horse".upper())
        except ValueError:
            structlog.get_logger("ours").exception("request_failed")

        written = capsys.readouterr()
        (line,) = written.err.splitlines()
        assert "ValueError in fail (tests/shared/test_logs.py:" in json.loads(line)["exception"]
        assert "CORRECT HORSE" not in written.err + written.out

    def test_carries_the_id_of_the_request(self, capsys: pytest.CaptureFixture[str]) -> None:
        logs.configure("INFO", as_json=True)

        with structlog.contextvars.bound_contextvars(request_id="r"):
            structlog.get_logger("ours").info("request_refused")
            logging.getLogger("theirs").info("hello")

        lines = capsys.readouterr().err.splitlines()
        assert [json.loads(line)["request_id"] for line in lines] == ["r", "r"]

    def test_keeps_the_driver_from_telling_every_command(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logs.configure("DEBUG", as_json=True)

        logging.getLogger("pymongo.command").debug("insert ann@example.com")
        logging.getLogger("urllib3.connectionpool").debug("POST /v1/tokens")

        assert capsys.readouterr().err == ""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging as it was, afterwards."""
    root, chatty = logging.getLogger(), [logging.getLogger(name) for name in ("pymongo", "urllib3")]
    handlers, levels = root.handlers, [each.level for each in (root, *chatty)]
    configuration = structlog.get_config()
    yield
    root.handlers = handlers
    for logger, level in zip((root, *chatty), levels, strict=True):
        logger.setLevel(level)
    structlog.configure(**configuration)
