"""A record where column names are expected is asked about: no person becomes a column name."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from app.intake.errors import NoHeaderError
from app.intake.model import ReadOptions
from tests.app.intake.files import number, row, text, xlsx
from tests.app.intake.test_formats import read as read_file
from tests.app.intake.test_structure import read

R = random.Random(1)
WITHOUT_NAMES = {
    "e-mail addresses": [f"Anna{i},user{i}@gmail.com,note {i} {R.random()}" for i in range(300)],
    "one address above words": ["Anna,a@b.org,x", *(f"Name{'abc'[i % 3]},-,y" for i in range(40))],
    "phone numbers": [f"Anna {'abc'[i % 3]},+49 170 {R.randint(10**6, 10**7)},x{'ab'[i % 2]}" for i in range(300)],
    "codes and addresses": [f"P{i:04},Meier{i} Anna,Hauptstr. {i}" for i in range(300)],
    "streets": [f"{'abcdef'[i % 6] * (i % 7 + 2)}weg {i},{chr(97 + i % 26) * (i % 9 + 1)}" for i in range(300)],
    "dates": [f"{chr(97 + i % 26) * (i // 26 + 1)},{i % 28 + 1}.{i % 12 + 1}.2024" for i in range(300)],
}
NAMES = {
    "numbered questions above numbers": ("q1,q2,q10", "{n},{n},{n}"),
    "numbered questions above answers": ("id,Q01,Q02", "{n},A{d},B{d}"),
    "item names with spaces": ("Item 1,Item 2,who", "{n},{n},P{n:04}"),
    "years": ("land,2019,2020", "x,{n},{n}"),
    "days": ("land,1/22/20,1/23/20", "x,{n},{n}"),
    "codes below one word": ("P1_score,P2_score,who", "{n},{n},P{n:04}"),
    "units": ("weight (kg/m2),co2,PM2.5", "{n},{n},{n}.5"),
}


@pytest.mark.parametrize("lines", WITHOUT_NAMES.values(), ids=WITHOUT_NAMES)
def test_a_record_in_the_first_line_is_refused_without_a_cell_of_it(lines: list[str]) -> None:
    with pytest.raises(NoHeaderError, match=r"line 1: .*--header-rows 0") as caught:
        read("\n".join(lines))
    assert not any(cell in str(caught.value) for cell in lines[0].split(",") if len(cell) > 1)
    assert read("\n".join(lines), header_rows=0)[0].rows == len(lines)


@pytest.mark.parametrize(("names", "record"), NAMES.values(), ids=NAMES)
def test_names_with_digits_stay_names(names: str, record: str) -> None:
    lines = [record.format(n=i + 1, d=i % 5 + 1) for i in range(40)]
    intake, values = read("\n".join([names, *lines]))
    assert (intake.rows, list(values)) == (40, names.split(","))


SHEETS = {
    "e-mail addresses": [row(i, text("ab"), text(f"u{i}@gmail.com")) for i in range(1, 41)],
    "dates": [row(i, text(f"x{'ab'[i % 2]}{'cd'[i % 3 // 2]}"), number(45_000 + i, 1)) for i in range(1, 41)],
    "codes": [row(i, text(f"P{i:04}"), text(f"Meier{i} Anna")) for i in range(1, 41)],
}


@pytest.mark.parametrize("rows", SHEETS.values(), ids=SHEETS)
def test_a_record_in_the_first_row_of_a_sheet_is_refused(rows: list[str], tmp_path: Path) -> None:
    with pytest.raises(NoHeaderError, match=r"row 1: expected column names.*--header-rows 1"):
        read_file(tmp_path, xlsx(rows))
    assert read_file(tmp_path, xlsx(rows), options=ReadOptions(header_rows=1))[0].rows == 39


def test_names_of_a_sheet_may_be_dates_and_numbers_above_other_things(tmp_path: Path) -> None:
    header = row(1, text("q1"), number(45_351, 1), number(45_352, 1))
    _, values = read_file(
        tmp_path, xlsx([header, *(row(i, text(f"A{i}"), number(i), number(i)) for i in range(2, 42))])
    )
    assert list(values) == ["q1", "2024-02-29", "2024-03-01"]


def test_whole_numbers_of_a_sheet_keep_all_their_digits(tmp_path: Path) -> None:
    first = 1_234_567_890_123_456
    rows = [row(i, number(first + i), number(f"{i}.10000000000000001")) for i in range(2, 42)]
    _, values = read_file(tmp_path, xlsx([row(1, text("card"), text("x")), *rows]))
    assert values["card"] == [first + i for i in range(2, 42)]
    assert values["x"][0] == 2.1
