"""The tour in the README, pasted block by block into a shell, as a newcomer does it."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.settings import PORTS
from tests.journeys.system import ADMIN, System

README = Path(__file__).parents[2] / "README.md"
END = "--- the end of this block ---"


class Shell:
    """A shell that runs what is pasted into it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def paste(self, block: str) -> str:
        """What a block of commands prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{block}\necho '{END}'\n")
        self._process.stdin.flush()
        printed: list[str] = []
        for line in self._process.stdout:
            if line == f"{END}\n":
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"The shell ended: {''.join(printed)}")


@contextmanager
def shell(system: System) -> Iterator[Shell]:
    """A shell on the machine on which Kith runs."""
    with subprocess.Popen(
        ("bash", "--norc"),  # noqa: S607 - the one on the path, as a newcomer has it.
        env={**system.environment, "NO_PROXY": "*"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield Shell(process)


def tour(system: System) -> list[str]:
    """The blocks of commands of the tour, with the addresses and the admin of this system."""
    _, _, after = README.read_text(encoding="utf-8").partition("## A tour of five minutes\n")
    blocks = re.findall(r"^```sh\n(.*?)^```$", after.partition("\n## ")[0], flags=re.M | re.S)
    return [_here(block, system) for block in blocks]


def _here(block: str, system: System) -> str:
    for service, port in PORTS.items():
        block = block.replace(f"localhost:{port}", f"127.0.0.1:{system.ports[service]}")
    block = block.replace("the password that make run printed", ADMIN["password"])
    return block.replace("admin@example.com", ADMIN["email"])
