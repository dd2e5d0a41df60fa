"""Tables as programs write them: titles, several header rows, totals, wrong records, names missing or repeated."""

import contextlib
import csv
import io
import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.intake import delimited
from app.intake.blocks import Records
from app.intake.errors import (
    HeaderRowsError,
    IntakeError,
    NoHeaderError,
    RaggedRowsError,
    ReadersDisagreeError,
)
from app.intake.model import Intake, IntakeLimits, ReadOptions
from app.intake.read import ingest

LIMITS = IntakeLimits(min_rows=1, min_columns=1)
ROWS = [
    f"{name},{age},{town}" for name, age, town in zip("ABCDEFGH" * 5, range(40), ["Troyes", "Lyon"] * 20, strict=True)
]
TABLE = "\n".join(["name,age,town", *ROWS]) + "\n"


def read(content: str | bytes, limits: IntakeLimits = LIMITS, **options) -> tuple[Intake, dict]:
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "upload", Path(folder) / "table.parquet"
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
        intake = ingest(source, out, filename=None, limits=limits, options=ReadOptions(**options))
        return intake, pq.read_table(out).to_pydict()


def said(intake: Intake, words: str) -> bool:
    return any(words in warning for warning in intake.warnings)


@pytest.mark.parametrize(
    ("above", "lines"),
    [
        ("Report of 2024\n", "line 1 stands"),
        ("Report of 2024,,\n\n,,\n", "lines 1 to 3 stand"),
        ("# a\n# b, c\n\n", "lines 1 to 3 stand"),
    ],
)
def test_lines_above_the_names_are_left_out_and_told(above, lines):
    intake, values = read(above + TABLE)
    assert list(values) == ["name", "age", "town"]
    assert intake.rows == 40
    assert said(intake, f"{lines} before the column names")


def test_the_line_that_names_the_delimiter_is_no_part_of_the_table():
    intake, values = read("sep=;\r\n" + TABLE.replace(",", ";"))
    assert (intake.delimiter, intake.rows, list(values)) == (";", 40, ["name", "age", "town"])


def test_a_file_without_names_is_asked_about_and_can_be_read():
    with pytest.raises(NoHeaderError, match=r"line 1: .*--header-rows 0"):
        read("\n".join(ROWS))
    intake, values = read("\n".join(ROWS), header_rows=0)
    assert (intake.rows, list(values)) == (40, ["column_1", "column_2", "column_3"])
    assert values["column_1"][0] == "A"
    intake, values = read("\n".join(ROWS), header_rows=1)
    assert (intake.rows, list(values)) == (39, ["A", "0", "Troyes"])


def test_years_may_be_names():
    rows = "".join(f"{land},{i},{i * 2},{i * 3}\n" for i, land in enumerate(["Peru", "Chad", "Mali", "Cuba"] * 10))
    assert list(read("land,2019,2020,2021\n" + rows)[1]) == ["land", "2019", "2020", "2021"]


def test_several_header_rows_become_one_name_each():
    intake, values = read("person,,where\nname,age,town\n" + "\n".join(ROWS), header_rows=2)
    assert list(values) == ["person name", "person age", "where town"]
    assert intake.rows == 40
    _, values = read("name,kg,town\nwho,weight,place\n" + "\n".join(ROWS), header_rows=2)
    assert list(values) == ["name", "kg", "town"]


def test_words_above_figures_are_asked_about():
    second = "a,b,c\nname,kilogram,metre\n" + "".join(f"A,{i},{i}\n" for i in range(40))
    with pytest.raises(HeaderRowsError, match=r"line 2: .*--header-rows 2"):
        read(second)
    assert read(second, header_rows=2)[0].rows == 40
    assert read(second, header_rows=1)[0].rows == 41
    assert read(second.replace("kilogram,metre", "NA,?"))[0].rows == 41


def test_missing_names_are_made_up_and_repeated_ones_made_distinct():
    intake, values = read(",a,a,,a_2\n" + "x,1,2,y,3\n" * 40)
    assert list(values) == ["unnamed_1", "a", "a_3", "unnamed_4", "a_2"]
    assert said(intake, "columns 1, 4 without a name: they are called 'unnamed_1', 'unnamed_4'")
    assert said(intake, "column 3 with a name that an earlier one has: it is called 'a_3'")


def test_row_names_as_r_writes_them_get_a_column():
    rows = "".join(f"{i},{row}\n" for i, row in enumerate(ROWS))
    intake, values = read("name,age,town\n" + rows)
    assert list(values) == ["unnamed_1", "name", "age", "town"]
    assert intake.rows == 40
    assert said(intake, "each record has one field more than there are names; the first column was named unnamed_1")


@pytest.mark.parametrize(
    ("names", "record"),
    [
        ('"name","age","town"', '"row {i}","x",{i},"Rome"'),
        ("name,age,town", "{i},x,{a},Rome"),
        ("id,age,town", "{i},{i},{a},Rome"),
    ],
    ids=["distinct texts in quotes", "counted", "counted before an identifier"],
)
def test_row_names_in_quotes_or_counted_get_a_column(names, record):
    intake, values = read("\n".join([names, *(record.format(i=i + 1, a=i % 7) for i in range(40))]))
    assert list(values) == ["unnamed_1", *(name.strip('"') for name in names.split(","))]
    assert said(intake, "the first column was named unnamed_1")


@pytest.mark.parametrize(
    "record",
    ["{i},{a},7{a},5,Rome", "P{i:03},{a},7{a},5,Rome", "Anna{i},{a},7{a},5,Rome{i}", '"A{a}",{a},7{a},5,Rome'],
    ids=["counted", "codes", "names", "repeated in quotes"],
)
def test_decimal_commas_without_quotes_do_not_move_the_names(record):
    lines = [record.format(i=i + 1, a=i % 7 + 1) for i in range(300)]
    with pytest.raises(RaggedRowsError, match=r"one field more than there are names.*decimal commas.*no name"):
        read("\n".join(["id,age,weight,city", *lines]))


@pytest.mark.parametrize("header", ["name,age,town,", "name,age,town"])
def test_a_delimiter_at_the_end_of_each_line_makes_no_column(header):
    intake, values = read(header + "\n" + "".join(row + ",\n" for row in ROWS))
    assert list(values) == ["name", "age", "town"]
    assert said(intake, "a delimiter stands at the end of the lines")


def test_up_to_one_record_of_a_hundred_is_left_out_and_named():
    good = [f"x,{i}" for i in range(198)]
    content = "\n".join(["a,b", *good[:50], "x", *good[50:100], 'x,1,"2\n3"', *good[100:]])
    intake, values = read(content)
    assert intake.rows == 198
    assert values["b"] == list(range(198))
    assert said(
        intake,
        "2 of 200 records have another number of fields than there are columns and were left out: lines 52 and 103",
    )
    with pytest.raises(
        RaggedRowsError, match="line 52: expected 2 fields, got 1; 3 records are so, on lines 52, 103 and 203"
    ):
        read(content + "\nx")


def test_a_line_of_totals_is_left_out_and_told():
    for total in ("Total,40,\n", "Summe:,7\n"):
        intake, values = read(TABLE + total)
        assert intake.rows == 40
        assert said(intake, "line 42 at the end, no part of the table, was left out")
        assert isinstance(values["age"][0], int)
        with pytest.raises(RaggedRowsError) if total.count(",") == 1 else tempfile.TemporaryDirectory():
            assert read(TABLE + total, skip_footer=0)[0].rows == 41


def test_several_totals_and_notes_at_the_end_are_left_out_and_told():
    for footer in ("Total,40,\nMean,20,\n\nSource: office,,\n", "Summe;40;\nMittelwert;20;\nQuelle: Amt\n"):
        content = TABLE.replace(",", ";") if ";" in footer else TABLE
        intake, values = read(content + footer)
        assert (intake.rows, values["name"][-1]) == (40, "H")
        last = 45 if ",," in footer else 44
        assert said(intake, f"lines 42, 43 and {last} at the end, no part of the table, were left out")


def test_records_that_are_no_totals_end_the_search_for_them():
    intake, values = read(TABLE + "Mean,20,\nAnna,7,\nTotal,40,\n")
    assert (intake.rows, values["name"][-2:]) == (42, ["Mean", "Anna"])
    assert said(intake, "line 44 at the end")
    assert read(TABLE + "Source,,\n")[0].rows == 41
    assert read(TABLE + "Mean,7,Lyon\nSource: a,7,\n")[0].rows == 42


def test_the_last_lines_can_be_said_to_be_no_records():
    intake, values = read(TABLE + "\nsource: office\nprinted,on,monday\n\n", skip_footer=2)
    assert (intake.rows, values["name"][-1]) == (40, "H")
    assert said(intake, "lines 43 and 44 at the end")


@pytest.mark.parametrize("size", [7, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_records_of_delimiters_alone_are_left_out_and_counted(size, end, monkeypatch):
    monkeypatch.setattr(delimited.utf8_blocks, "__defaults__", (size,))
    lines = TABLE.splitlines()
    content = end.join([*lines[:9], ",,", '"", ,""', *lines[9:], "Total,40,", *[",,,"] * 900])
    intake, values = read(content)
    assert (intake.rows, values["name"][-1], values["age"][8]) == (40, "H", 8)
    assert said(intake, "902 records without any value left out")
    assert said(intake, "line 44 at the end, no part of the table, was left out")


def test_records_with_one_value_and_lone_empty_cells_stay():
    assert read(TABLE + ",7,\n")[0].rows == 41
    assert read(TABLE + '"",",",""\n' + '"","""",""\n')[0].rows == 42
    intake, values = read('a\nx\n""\ny\n', header_rows=1)
    assert values["a"] == ["x", None, "y"]
    assert not said(intake, "without any value left out")


def test_a_person_called_total_stays():
    assert read(TABLE + "Total,41,Lyon\n")[0].rows == 41


def test_a_type_that_later_records_prove_wrong_is_taken_back(monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 1 << 8)
    monkeypatch.setattr("app.intake.text.BLOCK_BYTES", 1 << 8)
    monkeypatch.setattr(delimited.utf8_blocks, "__defaults__", (1 << 8,))
    rows = (
        [["1", "1", "", "2024-01-01"]] * 200
        + [["007", "1.5", "3", "2024-01-02"]]
        + [["2", "2", "", "2024-01-03"]] * 200
    )
    _, values = read("\n".join(["a,b,c,d", *(",".join(row) for row in rows)]))
    assert [values["a"][0], values["a"][200]] == ["1", "007"]
    assert [values["b"][0], values["b"][200]] == [1.0, 1.5]
    assert [values["c"][0], values["c"][200]] == [None, 3]
    assert len(values["d"]) == 401


def test_no_record_is_lost_where_a_type_changes_and_changes_back(monkeypatch):
    monkeypatch.setattr(delimited.utf8_blocks, "__defaults__", (64,))
    cells = [*[""] * 50, *["7"] * 50, *["x"] * 50]
    assert read("a,b\n" + "".join(f"y,{cell}\n" for cell in cells))[1]["b"] == [cell or None for cell in cells]
    rest = [*["1.234"] * 50, *["2.5"] * 50, *["x"] * 50]
    assert read("a;b\n" + "".join(f"y;{cell}\n" for cell in rest))[1]["b"] == rest


def test_two_readers_that_count_differently_are_a_refusal_with_lines_and_no_cell(monkeypatch):
    chunks = Records.chunks

    def miscounted(self, blocks):
        return (replace(chunk, records=chunk.records + 1) for chunk in chunks(self, blocks))

    monkeypatch.setattr(Records, "chunks", miscounted)
    with pytest.raises(ReadersDisagreeError, match=r"lines 2 to 38: .*one reads 38 and the other reads 37") as caught:
        read(TABLE)
    assert "Troyes" not in str(caught.value)


def test_the_record_at_which_two_readers_part_is_named(monkeypatch):
    parsed = delimited.parsed

    def other_opinion(data, delimiter, fields):
        return None if b"\n30,Troyes" in data else parsed(data, delimiter, fields)

    monkeypatch.setattr(delimited, "parsed", other_opinion)
    content = "age,town\n" + "".join(f"{i},Troyes\n" for i in range(60))
    with pytest.raises(
        ReadersDisagreeError, match=r"the other cannot read them; they part at .* 2 fields .* line 32 "
    ) as caught:
        read(content)
    assert "Troyes" not in str(caught.value)


def test_a_decimal_comma_that_is_said_keeps_points_between_thousands():
    rows = "".join(f"A;{i % 9 + 1}.{i:03}\n" for i in range(100, 300))
    intake, values = read("name;sold\n" + rows, decimal=",")
    assert values["sold"][0] == "2.100"
    form = intake.schema["sold"].value_form
    assert form is not None
    assert form.parse("2.100") == 2100
    intake, values = read("name;sold\n" + rows, decimal=".")
    assert values["sold"][0] == 2.1


def grouped(*, comma: str = ",", delimiter: str = ";", more: str = "") -> str:
    rows = [f"A{delimiter}{i}{comma}5{delimiter}{i % 9 + 1}.{i:03}" for i in range(100, 300)]
    return "\n".join([f"name{delimiter}size{delimiter}cost", *rows, f"A{delimiter}7{delimiter}477", more])


def test_points_between_thousands_are_read_as_such_beside_decimal_commas():
    for delimiter in (";", "\t"):
        intake, values = read(grouped(delimiter=delimiter))
        assert (values["cost"][0], values["cost"][200]) == ("2.100", "477")
        form = intake.schema["cost"].value_form
        assert form is not None
        assert (form.parse("14.257"), form.parse("477")) == (14_257, 477)


def test_points_in_a_file_of_semicolons_alone_stay_text_and_in_doubt():
    intake, values = read("name;sold\n" + "".join(f"A;{i % 9 + 1}.{i:03}\n" for i in range(100, 300)))
    assert values["sold"][0] == "2.100"
    assert "may be a decimal sign or stand between thousands" in intake.schema["sold"].doubt


@pytest.mark.parametrize(
    ("content", "first"),
    [
        (grouped(more="A;1;2.5\n"), 2.1),
        (grouped(more="A;1;0.125\n"), 2.1),
        (grouped(comma=".", delimiter=","), 2.1),
        ("name;sold\n" + "A;3\n" * 40, 3),
    ],
    ids=["other fractions", "a fraction of one", "commas between fields", "whole numbers"],
)
def test_points_that_cannot_group_or_stand_between_commas_are_decimal(content, first):
    values = read(content)[1]
    assert list(values.values())[-1][0] == first


def test_a_fraction_far_behind_makes_all_of_a_column_numbers(monkeypatch):
    monkeypatch.setattr(delimited.utf8_blocks, "__defaults__", (64,))
    assert read(grouped(more="A;1;2.5\n"))[1]["cost"][:2] == [2.1, 3.101]
    values = read("a;b\n" + "x;7\n" * 50 + "x;1.234\n" * 50)[1]["b"]
    assert (values[0], values[-1]) == ("7", "1.234")


def test_latin_1_is_read_as_windows_1252_without_a_loss():
    table = b"a,b\n" + b"\x80 \x93x\x94,\xe9\n" * 40 + b"\x81,\xff\n"
    _, values = read(table, encoding="latin-1")
    assert (values["a"][0], values["b"][0]) == ("\u20ac \u201cx\u201d", "\u00e9")
    assert (values["a"][-1], values["b"][-1]) == ("\x81", "\u00ff")
    with pytest.raises(IntakeError, match="cp1252"):
        read(table, encoding="cp1252")


CELL = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    size=st.sampled_from([7, 64, 1 << 20]),
)
def test_any_table_of_text_comes_back_cell_for_cell(rows, delimiter, end, quoting, codec, size):
    buffer = io.StringIO(newline="")
    if any(mark in cell for row in rows for cell in row for mark in "\r\n"):
        quoting = csv.QUOTE_ALL  # csv.writer leaves a line end that is not its own without quotes
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(["a", "b", "c", "anchor"])
    writer.writerows([*row, "x"] for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited.utf8_blocks, "__defaults__", (size,))
        options = {"delimiter": delimiter, "header_rows": 1, "skip_footer": 0, "encoding": codec.replace("-sig", "")}
        _, values = read(buffer.getvalue().encode(codec), **options)
    for position, name in enumerate("abc"):
        cells = [row[position] or None for row in rows]
        if all(cell is None or isinstance(cell, str) for cell in values[name]):
            assert values[name] == cells
        else:  # numbers and dates have tests of their own
            assert [cell is None for cell in values[name]] == [cell is None for cell in cells]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(st.sampled_from('ab1.,;"\n\r\t |=Total'), max_size=80))
def test_any_text_is_read_or_refused_with_a_reason(text):
    with contextlib.suppress(IntakeError):
        read(text)


@pytest.mark.parametrize("footer", [None, 1, 3])
def test_blank_lines_change_no_line_number_and_take_no_memory(footer, monkeypatch):
    monkeypatch.setattr(delimited.utf8_blocks, "__defaults__", (64,))
    gap = "\r\n" * 500
    lines = [f"{i},x{gap}" for i in range(9)]
    content = "a,b\n" + gap + "\n".join([*lines, "1", *(f"{i},y" for i in range(200))]) + gap
    intake, values = read(content, skip_footer=footer)
    assert intake.rows == 209 - (footer or 0)
    assert values["a"][:10] == [*range(9), 0]
    line = content[: content.index("\n1\n")].count("\n") + 2
    assert said(intake, f"left out: line {line}")
    if footer == 3:
        last = content[: content.index("199,y")].count("\n") + 1
        assert said(intake, f"lines {last - 2}, {last - 1} and {last} at the end")
