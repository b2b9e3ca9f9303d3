"""Mappings and files to test the reading of files with."""

import io
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from services.imports.model.grouping import build_customer, build_order, customer_key
from services.imports.model.lines import Line, Rejection
from services.imports.reading.mapping import Mapping
from services.imports.reading.reader import read_rows

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
MAX_BYTES = 10_000_000

MappingData = Callable[..., dict[str, Any]]
MakeMapping = Callable[..., Mapping]
Grouped = tuple[list[dict[str, Any]], dict[str, dict[str, Any]], list[Rejection]]
Group = Callable[[list[Line | Rejection], Mapping], Grouped]
Read = Callable[[str | bytes, Mapping], list[Line | Rejection]]


@pytest.fixture
def mapping_data() -> MappingData:
    """`mapping_data(columns, **others)`: the JSON of a mapping with more columns than required."""

    def make(columns: dict[str, str | None] | None = None, **others: Any) -> dict[str, Any]:
        required = {"number": "No", "quantity": "Qty", "unit_price": "Price", "placed_at": "Time"}
        usual = {"source": "shop", "defaults": {"currency": "GBP"}}
        return {**usual, "columns": required | (columns or {}), **others}

    return make


@pytest.fixture
def make_mapping(mapping_data: MappingData) -> MakeMapping:
    """As `mapping_data`, but read."""

    def make(columns: dict[str, str | None] | None = None, **others: Any) -> Mapping:
        return Mapping.from_dict(mapping_data(columns, **others))

    return make


@pytest.fixture
def read() -> Read:
    """`read(content, mapping)`: what the rows of a file come to."""

    def make(content: str | bytes, mapping: Mapping) -> list[Line | Rejection]:
        stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
        rows = read_rows(stream, mapping, now=NOW, max_bytes=MAX_BYTES)
        return [outcome for _, _, outcome in rows]

    return make


@pytest.fixture
def group() -> Group:
    """`group(outcomes, mapping)`: the orders, the customers by key, and the rejections."""

    def make(outcomes: list[Line | Rejection], mapping: Mapping) -> Grouped:
        by_number: dict[str, list[Line]] = defaultdict(list)
        by_key: dict[str, list[Line]] = defaultdict(list)
        for line in outcomes:
            if isinstance(line, Line):
                by_number[line.number].append(line)
                by_key[customer_key(line) or ""].append(line)
        by_key.pop("", None)
        return (
            [build_order(lines, mapping.source) for lines in by_number.values()],
            {key: build_customer(lines) for key, lines in by_key.items()},
            [outcome for outcome in outcomes if isinstance(outcome, Rejection)],
        )

    return make
