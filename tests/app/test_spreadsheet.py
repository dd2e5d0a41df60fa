"""No cell of CSV for spreadsheets runs as a formula, and every other cell is as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.spreadsheet import for_spreadsheet

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=12)


def records(data: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))


def escaped(*cells: str, delimiter: str = ",") -> list[str]:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerow(cells)
    (record,) = records(b"".join(for_spreadsheet([text.getvalue().encode()], delimiter)), delimiter)
    return record


@pytest.mark.parametrize(
    "cell", ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1+1", "\n=1", "\uff1d1+1", " =1+1", "=", "-"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_what_could_run_is_text(cell: str, delimiter: str) -> None:
    assert escaped("x", cell, delimiter=delimiter) == ["x", f"'{cell}"]


@pytest.mark.parametrize("cell", ["-5", "+5.25", "-1,5", "-1e-05", "-.5", "a=b", "2020-01-01", "", "-3 %", 'é;,"'])
def test_numbers_and_other_text_stay(cell: str) -> None:
    assert escaped("x", cell) == ["x", cell]


def test_column_names_are_cells_too() -> None:
    assert records(b"".join(for_spreadsheet([b'"=1+1",b\n1,2\n'], ","))) == [["'=1+1", "b"], ["1", "2"]]


@given(table=st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=5), size=st.integers(1, 7))
def test_records_come_through_however_their_bytes_are_cut(table: list[list[str]], size: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(table)
    data = text.getvalue().encode()
    came = records(b"".join(for_spreadsheet((data[i : i + size] for i in range(0, len(data), size)), ",")))
    assert [[cell.removeprefix("'") for cell in record] for record in came] == [
        [cell.removeprefix("'") for cell in record] for record in table
    ]
