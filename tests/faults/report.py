"""The figures of a run of the fault suite, with the seed that repeats it."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".faults"
FILE = FOLDER / "report.txt"


class Report:
    """Where each test writes what it did and measured."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        FOLDER.mkdir(exist_ok=True)

    def add(self, name: str, figures: Mapping[str, object]) -> None:
        """Note the figures of one test, in the file and among what it printed."""
        line = f"{name} (SEED={self.seed}): {json.dumps(figures)}\n"
        sys.stdout.write(line)
        with FILE.open("a") as file:
            file.write(line)
