"""Sheets with titles and totals, and the reading options: each has an effect or is refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from app.intake.errors import HeaderRowsError, InvalidReadOptionError
from app.intake.model import ReadOptions
from tests.app.intake.files import number, parquet, row, text, xlsx
from tests.app.intake.test_formats import read


def people(first: int) -> list[str]:
    """Forty rows, of which the first has this number."""
    return [row(i, text(f"p{i}"), number(20 + i % 7), number(1.5)) for i in range(first, first + 40)]


NAMES = (text("name"), text("age"), text("score"))
TOTAL = row(60, text("Total"), "<c/>", number(60))


def test_titles_above_and_totals_below_a_sheet_are_left_out_and_said(tmp_path: Path) -> None:
    rows = [row(1, text("Report of the ward")), row(2), row(3, text("printed on Monday")), row(5, *NAMES), *people(6)]
    intake, values = read(tmp_path, xlsx([*rows, TOTAL]))
    assert list(values) == ["name", "age", "score"]
    assert intake.rows == 40
    assert "rows 1 to 3 above the column names were left out" in intake.warnings
    assert "row 60 at the end, no part of the table, was left out" in intake.warnings


@pytest.mark.parametrize(
    ("rows", "options", "names"),
    [
        ([row(1, *NAMES), row(2, text("x"), text("years"), text("points")), *people(3)], {"header_rows": 2}, None),
        (
            [row(1, text("who"), "<c/>", text("how")), row(2, *NAMES), *people(3)],
            {"header_rows": 2},
            ["who name", "who age", "how score"],
        ),
        ([row(1, *NAMES), *people(2)], {"header_rows": 1}, None),
        (people(1), {"header_rows": 0}, ["column_1", "column_2", "column_3"]),
        (
            [row(1, *NAMES), *people(2), row(50, text("a note")), row(51, text("b"), text("c"))],
            {"skip_footer": 2},
            None,
        ),
        ([row(1, *NAMES), *people(2)], {"skip_footer": 0}, None),
    ],
)
def test_header_rows_and_skip_footer_hold_for_sheets(
    rows: list[str], options: dict[str, int], names: list[str] | None, tmp_path: Path
) -> None:
    intake, values = read(tmp_path, xlsx(rows), options=ReadOptions(**options))
    assert list(values) == (names or ["name", "age", "score"])
    assert intake.rows == 40
    assert {spec.arrow_type for spec in intake.schema} == {""}
    assert all(isinstance(cell, int) for cell in values[list(values)[1]])


def test_a_total_stays_where_no_footer_is_said(tmp_path: Path) -> None:
    content = xlsx([row(1, *NAMES), *people(2), TOTAL])
    assert read(tmp_path, content, options=ReadOptions(skip_footer=0))[0].rows == 41


def test_words_above_figures_of_a_sheet_are_asked_about(tmp_path: Path) -> None:
    units = row(2, text("x"), text("years"), text("points"))
    with pytest.raises(HeaderRowsError, match=r"row 2: .*--header-rows 2"):
        read(tmp_path, xlsx([row(1, *NAMES), units, *people(3)]))


@pytest.mark.parametrize(
    ("content", "options", "idle"),
    [
        (
            xlsx([row(1, *NAMES), *people(2)]),
            {"delimiter": ";", "encoding": "latin-1"},
            "xlsx, got delimiter, encoding",
        ),
        (b"a,b\n" + b"1,2\n" * 40, {"sheet": "S1"}, "text such as CSV, got sheet"),
        (parquet({"a": pa.array([1] * 40), "b": pa.array([1] * 40)}), {"header_rows": 1}, "parquet, got header_rows"),
        (b'[{"a": 1, "b": 2}]', {"skip_footer": 1}, "json, got skip_footer"),
    ],
)
def test_options_without_an_effect_are_refused(
    content: bytes, options: dict[str, int | str], idle: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidReadOptionError, match=idle):
        read(tmp_path, content, options=ReadOptions(**options))


def test_the_decimal_sign_holds_for_numbers_that_a_sheet_has_as_text(tmp_path: Path) -> None:
    rows = [row(i, text(f"p{i}"), text(f"{i},250")) for i in range(2, 42)]
    for sign, value in ((",", 2.25), (".", 2250)):
        (tmp_path / "table.parquet").unlink(missing_ok=True)
        content = xlsx([row(1, text("name"), text("sum")), *rows])
        form = read(tmp_path, content, options=ReadOptions(decimal=sign))[0].schema["sum"].value_form
        assert form is not None
        assert form.parse("2,250") == value
