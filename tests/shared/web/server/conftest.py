"""The toy behind the bridge, and connections to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bridged import bridged
from tests.support.lines import Line


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The process of the toy."""
    with bridged(tmp_path_factory.mktemp("toy") / "log") as process:
        yield process


@pytest.fixture
def spare(tmp_path: Path) -> Iterator[Any]:
    """The process of a toy that may be stopped."""
    with bridged(tmp_path / "log") as process:
        yield process


@pytest.fixture
def call(toy: Any) -> Iterator[Callable[[], Line]]:
    """`call()`: a connection to the toy, closed in the end."""
    lines: list[Line] = []

    def dial() -> Line:
        lines.append(Line(toy.port))
        return lines[-1]

    yield dial
    for line in lines:
        line.close()


@pytest.fixture
def line(call: Callable[[], Line]) -> Line:
    """A connection to the toy."""
    return call()
