"""Commands called in this process, which is quicker than to start one for each."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from services.__main__ import cli
from shared.settings import Settings

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Call:
    """`call("schema", "--prune")`: exit code, and what the command said and complained of."""
    monkeypatch.setenv("MONGO_URL", settings.mongo_url)
    monkeypatch.setenv("DATABASE_PREFIX", settings.database_prefix)

    def run(*arguments: str) -> tuple[int, str, str]:
        ended = CliRunner().invoke(cli, arguments)
        return ended.exit_code, ended.stdout, ended.stderr

    return run
