"""A clock that only moves when it is told to."""


class Clock:
    """Stands where a function like `time.time` is handed in."""

    def __init__(self, at: float = 0.0) -> None:
        self.at = at

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds
