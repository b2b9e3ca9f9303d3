"""Memory of a process, as Linux tells it."""

import re
from pathlib import Path
from typing import Any


def memory(pid: int, which: str) -> int:
    """The memory of a process, now (`VmRSS`) or at its most (`VmHWM`)."""
    found: Any = re.search(rf"{which}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024
