"""Sentences that commands end with, and the bars that they show."""

import io

import pytest
from click import ClickException
from pymongo.errors import ConnectionFailure, OperationFailure
from rich.console import Console

from services.cli import terminal
from services.cli.terminal import explained, sentence
from shared.secrets import SecretMissing
from tests.services.cli.conftest import Call


class TestExplained:
    @pytest.mark.parametrize(
        ("failure", "sentence"),
        [
            (
                ConnectionFailure("nobody answers"),
                "MongoDB failed (nobody answers); MONGO_URL names another server.",
            ),
            (
                OperationFailure("Index already exists with a different name: old"),
                "MongoDB refused something (Index already exists with a different name: old).",
            ),
            (
                OperationFailure("Authentication failed.", 18),
                "MongoDB refused something (Authentication failed.). Commands sign in by the "
                "password in SECRETS_DIR, or as the user whom MONGO_URL names.",
            ),
        ],
        ids=["away", "refuses", "lets nobody in"],
    )
    def test_is_one_sentence(self, failure: Exception, sentence: str) -> None:
        with pytest.raises(ClickException) as complaint, explained():
            raise failure

        assert complaint.value.message == sentence

    @pytest.mark.parametrize("command", ["doctor", "explain", "sample"])
    def test_is_what_a_command_ends_with(
        self, call: Call, monkeypatch: pytest.MonkeyPatch, command: str
    ) -> None:
        # No address at all is found out at once; a server that is away only after a while.
        monkeypatch.setenv("MONGO_URL", "mongodb://a:b@c@d/")

        code, said, complaint = call(command)

        assert (code, said) == (1, "")
        assert "Error: MongoDB failed (" in complaint
        assert complaint.endswith("MONGO_URL names another server.\n")

    def test_is_that_of_an_exception_of_the_kinds_that_are_named(self) -> None:
        with pytest.raises(ClickException, match="no such key"), explained(KeyError, LookupError):
            raise LookupError("no such key")

    def test_is_that_of_a_password_that_cannot_be_used(self) -> None:
        with pytest.raises(ClickException, match="orders/key is empty"), explained():
            raise SecretMissing("orders/key is empty")


class TestSentence:
    def test_leaves_other_exceptions_alone(self) -> None:
        with pytest.raises(ValueError, match="a fault"), sentence(LookupError):
            raise ValueError("a fault")


class TestBars:
    def test_are_shown_on_a_terminal(self) -> None:
        stream = io.StringIO()

        with terminal.bars(Console(file=stream, force_terminal=True, width=80)) as bars:
            bars.show("rows", 3, None)
            bars.show("rows", 8, 8)
            bars.show("orders", 4, 5)

        last = stream.getvalue().rsplit("rows", 1)[1]
        assert "8/8" in last
        assert "4/5" in last

    def test_begin_again_for_another_phase(self) -> None:
        stream = io.StringIO()

        with terminal.bars(Console(file=stream, force_terminal=True, width=80)) as bars:
            bars.show("orders", 5, 5)
            bars.show("orders", 1, 5)

        assert "5/5" in stream.getvalue().rsplit("1/5", 1)[0].rsplit("orders", 2)[1]

    def test_are_not_written_into_a_file(self) -> None:
        stream = io.StringIO()

        with terminal.bars(Console(file=stream)) as bars:
            bars.show("orders", 5, 5)

        assert stream.getvalue() == "\n" * stream.getvalue().count("\n")
