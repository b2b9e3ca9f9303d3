"""Mappings for well-known exports, as data: one JSON file each, named for the preset."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The names of all presets."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


def read(name: str) -> dict[str, Any] | None:
    """The mapping of a preset, or None if there is none of this name."""
    if name not in names():
        return None
    mapping: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return mapping
