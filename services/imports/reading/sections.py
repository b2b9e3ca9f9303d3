"""Checks JSON that a person wrote and collects everything wrong in it. Knows no mapping."""

from collections.abc import Callable
from typing import Any

Check = Callable[[str], str | None]
"""A rule for a text: what is wrong with it, as a sentence, or None."""

_MAX_LENGTH = 200


class Section:
    """One object of the JSON; all sections share `problems`, {dotted path: sentence}."""

    def __init__(self, data: object, path: str = "", *, problems: dict[str, str]) -> None:
        self.problems = problems
        self._path = path
        self._known: set[str] = set()
        self._data: dict[Any, Any] = data if isinstance(data, dict) else {}
        if not isinstance(data, dict):
            problems[path or "mapping"] = "It must be an object."

    def has(self, key: str) -> bool:
        """True if something other than null is given; the key counts as known from here on."""
        self._known.add(key)
        return self._data.get(key) is not None

    def names(self) -> list[str]:
        """The keys given."""
        return [str(key) for key in self._data]

    def section(self, key: str) -> "Section":
        """The object at `key`; an empty one where there is none."""
        value = self._data[key] if self.has(key) else {}
        return Section(value, self.path(key), problems=self.problems)

    def text(
        self, key: str, check: Check, *, required: bool = False, empty: bool = False
    ) -> str | None:
        """The text at `key`, or None where it is missing or wrong. `empty` lets "" pass."""
        if not self.has(key):
            if required:
                self.problem(key, "It is required.")
            return None
        return self._checked(key, self._data[key], check, empty=empty)

    def texts(self, key: str, check: Check) -> tuple[str, ...]:
        """The texts at `key`: a list of them, or one alone."""
        given = self._data[key] if self.has(key) else []
        values = given if isinstance(given, list) else [given]
        checked = [self._checked(key, value, check, empty=False) for value in values]
        return tuple(value for value in checked if value is not None)

    def problem(self, key: str, message: str) -> None:
        """Note that the entry at `key` is wrong."""
        self.problems[self.path(key)] = message

    def wrong(self, message: str) -> None:
        """Note that the section as a whole is wrong."""
        self.problems[self._path] = message

    def finish(self) -> None:
        """Note the entries that nobody asked for: a misspelt key must not pass in silence."""
        for key in self.names():
            if key not in self._known:
                self.problem(key, "There is no such setting.")

    def path(self, key: str) -> str:
        """The dotted path of an entry."""
        return f"{self._path}.{key}" if self._path else key

    def _checked(self, key: str, value: object, check: Check, *, empty: bool) -> str | None:
        if not isinstance(value, str) or not (value or empty) or len(value) > _MAX_LENGTH:
            self.problem(
                key, f"It must be text of {0 if empty else 1} to {_MAX_LENGTH} characters."
            )
            return None
        wrong = check(value)
        if wrong:
            self.problem(key, wrong)
        return None if wrong else value


def anything(_: str) -> str | None:
    """The check of a text that may be any."""
    return None


def not_blank(value: str) -> str | None:
    """The check of a text that must be more than spaces."""
    return None if value.strip() else "It must not be blank."


def one_of(*allowed: str) -> Check:
    """The check of a text that must be one of `allowed`."""
    listed = ", ".join(f'"{value}"' for value in allowed)
    return lambda value: None if value in allowed else f"It must be one of {listed}."
