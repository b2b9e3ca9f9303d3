"""Shows the lines of many processes on one stream. Knows nothing of the processes."""

import threading
from typing import TextIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class Console:
    """Writes the lines of many processes to one stream, each behind the name of its process."""

    def __init__(self, stream: TextIO, *, width: int = 0) -> None:
        self.lost = False
        """True if the stream takes nothing any more."""
        self._stream = stream
        self._width = width
        self._colours: dict[str, int] = {}
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        """Write one line of the process `name`."""
        with self._lock:
            self._write(f"{self._prefix(name)} {text}")

    def plain(self, text: str) -> None:
        """Write text without a prefix, so that it can be copied."""
        with self._lock:
            self._write(text)

    def _prefix(self, name: str) -> str:
        prefix = f"{name:<{self._width}} |"
        if not self._stream.isatty():
            return prefix
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        return f"\033[{colour}m{prefix}\033[0m"

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        # A child may print what this stream cannot show; its reader must outlive that.
        safe = text.encode(encoding, "replace").decode(encoding)
        try:
            self._stream.write(safe + "\n")
            self._stream.flush()
        except OSError:
            # Nobody reads any more (`make run | head`); whoever waits looks at `lost` and stops.
            self.lost = True
