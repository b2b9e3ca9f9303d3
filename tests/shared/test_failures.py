"""Failures in words: type, code and place, and nothing of what was being handled."""

import pytest
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from shared.events.event import EventMalformed
from shared.failures import in_short, trace

SECRET = "ann@example.com"


def raised(error: Exception) -> Exception:
    """The exception, after it was raised in here."""
    try:
        raise error
    except Exception as caught:
        return caught


class TestInShort:
    @pytest.mark.parametrize(
        ("error", "begins"),
        [
            (ValueError(SECRET), "ValueError in raised (tests/shared/test_failures.py:"),
            (KeyError(SECRET), "KeyError in raised (tests/shared/test_failures.py:"),
            (
                DuplicateKeyError(SECRET, 11000, {"keyValue": {"emails": SECRET}}),
                "DuplicateKeyError: code 11000 in raised (",
            ),
            (OperationFailure(SECRET, 121, {"errInfo": SECRET}), "OperationFailure: code 121 in "),
            (OperationFailure(SECRET), "OperationFailure in "),
            (
                BulkWriteError({"writeErrors": [{"code": 121, "op": SECRET}, {"code": 11000}]}),
                "BulkWriteError: code 11000, 121 in ",
            ),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_says_what_and_where_and_no_value(self, error: Exception, begins: str) -> None:
        said = in_short(raised(error))

        assert said.startswith(begins)
        assert SECRET not in said

    def test_repeats_what_holds_no_value(self) -> None:
        assert in_short(EventMalformed("no id")) == "EventMalformed: no id"

    def test_of_what_was_never_raised_names_no_place(self) -> None:
        assert in_short(ValueError(SECRET)) == "ValueError"


class TestTrace:
    def test_tells_the_failure_and_those_behind_it(self) -> None:
        try:
            try:
                raised(ValueError(SECRET)).with_traceback(None)
                raise ValueError(SECRET)
            except ValueError as error:
                raise KeyError(SECRET) from error
        except KeyError as error:
            told = trace(error)

        assert told.index("ValueError in ") < told.index("and then") < told.index("KeyError in ")
        assert "line" in told
        assert SECRET not in told

    def test_ends_where_failures_are_behind_each_other(self) -> None:
        one, other = ValueError(), KeyError()
        one.__context__, other.__context__ = other, one

        assert trace(one).count("ValueError") == 1
