"""What every command that looks into the databases says when it cannot."""

import pytest
from click import ClickException
from pymongo.errors import ConnectionFailure, OperationFailure

from services.cli.failures import explained
from tests.services.cli.conftest import Call


class TestTold:
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
        ],
        ids=["away", "refuses"],
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
