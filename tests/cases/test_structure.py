"""Exports of banks, surveys and spreadsheets are read as the tables that they hold, or refused with a way out."""

from __future__ import annotations

import pandas as pd
import pytest

from app.intake.errors import IntakeError
from app.intake.model import ReadOptions
from synth.table.schema import ColumnKind
from tests.support.cases import case

LATIN = ReadOptions(encoding="latin-1")
BANK = {
    "clean.csv": None,
    "with-footer.csv": "line 602",
    "with-short-footer.csv": "line 602",
    "with-preamble.csv": "lines 1 to 3",
}
ODD = [
    "age", "sex", "income", "home.dest", "petal length (cm)", "sick-euthyroid", "__index__", "a=b", "größe 😊",
    'say "hi"', "a,b;c", "Index", "1", "class", " lead", "trail ", "<script>alert(1)</script>", "part", "count",
    "../etc", "Age",
]  # fmt: skip


@pytest.mark.parametrize(("file", "lines"), BANK.items())
def test_a_bank_export_is_read_with_its_amounts_as_quantities(file: str, lines: str | None) -> None:
    bank = case("07-bank-export", file, LATIN)
    assert bank.intake.rows == 600
    assert any(lines in warning for warning in bank.intake.warnings) if lines else len(bank.intake.warnings) == 1
    for name in ("Buchungstag", "Valuta"):
        assert bank.schema[name].kind is ColumnKind.DATETIME
        assert bank.made[name].str.fullmatch(r"\d\d\.\d\d\.\d{4}").all()
    assert bank.schema["Betrag"].kind is ColumnKind.NUMERICAL
    assert bank.made["Betrag"].str.fullmatch(r"-?\d{1,3}(\.?\d{3})*,\d\d").all()
    assert not set(bank.made["IBAN"]) & {"", *bank.real.iloc[:, 4]}


def test_a_bank_export_says_how_to_declare_its_encoding() -> None:
    with pytest.raises(IntakeError, match="--encoding"):
        case("07-bank-export", "clean.csv")


def test_the_index_that_pandas_writes_gets_a_name() -> None:
    table = case("16-index-and-duplicate-names", "pandas-index.csv")
    assert table.schema.names == ("unnamed_1", "age", "sex", "income")
    assert table.schema["unnamed_1"].kind is ColumnKind.IDENTIFIER
    assert any("column 1 without a name" in warning for warning in table.intake.warnings)
    assert table.schema["age"].kind is ColumnKind.NUMERICAL


@pytest.mark.parametrize(
    ("file", "names", "told"),
    [
        ("duplicates.csv", ("age", "sex", "age_2"), "'age_2'"),
        ("trailing.csv", ("age", "sex", "income"), "end of the lines"),
        ("comment.csv", ("age", "sex", "income"), "lines 1 to 2"),
    ],
)
def test_repeated_names_comments_and_closing_delimiters_are_read(file: str, names: tuple[str, ...], told: str) -> None:
    table = case("16-index-and-duplicate-names", file) if file != "comment.csv" else _commented()
    assert table.schema.names == names
    assert table.intake.rows == 600
    assert any(told in warning for warning in table.intake.warnings)


def _commented():
    """pandas, which reads the real table beside, takes comments only where it is told."""
    with pytest.MonkeyPatch.context() as patch:
        read = pd.read_csv
        patch.setattr(pd, "read_csv", lambda *args, **kwargs: read(*args, **{"comment": "#"} | kwargs))
        return case("16-index-and-duplicate-names", "comment.csv")


def test_a_first_record_is_never_taken_for_names_without_a_word() -> None:
    with pytest.raises(IntakeError, match=r"line 1: .*--header-rows 0"):
        case("16-index-and-duplicate-names", "no-header.csv")
    table = case("16-index-and-duplicate-names", "no-header.csv", ReadOptions(header_rows=0))
    assert table.intake.rows == 600
    assert table.schema.names == ("column_1", "column_2", "column_3")


def test_two_short_records_of_a_hundred_are_refused_by_their_lines() -> None:
    with pytest.raises(
        IntakeError, match=r"line 50: expected 3 fields, got 2; 12 records are so, on lines 50, 100, 150"
    ):
        case("16-index-and-duplicate-names", "short-rows.csv")


def test_question_texts_and_import_ids_of_a_survey_are_no_answers() -> None:
    survey = case("17-qualtrics-three-headers")
    plain = case("17-qualtrics-three-headers", "headers-removed.csv")
    assert survey.intake.rows == plain.intake.rows == 500
    assert survey.schema == plain.schema
    assert any("lines 2 to 3" in warning and "left out" in warning for warning in survey.intake.warnings)
    for name in ("Duration (in seconds)", "Q1", "Q2_1"):
        assert survey.schema[name].kind is ColumnKind.NUMERICAL
    assert not survey.made.map(lambda cell: "ImportId" in cell or cell == "How old are you?").any(axis=None)


def test_odd_names_are_kept_as_they_are() -> None:
    odd = case("15-odd-column-names")
    assert list(odd.made.columns) == ODD
    assert odd.schema.names == tuple(ODD)


def test_a_line_end_in_a_name_becomes_a_space() -> None:
    intake = case("15-odd-column-names", "newline.csv").intake
    assert any("column 4: line ends and tabs" in warning for warning in intake.warnings)


def test_constant_and_empty_columns_stay_and_no_lone_value_comes_out() -> None:
    table = case("21-constant-empty-columns")
    assert list(table.made.columns) == list(table.real.columns)
    for name, value in {"country": "XX", "empty": "", "const_int": "7", "const_date": "2024-01-31"}.items():
        assert set(table.made[name]) == {value}
    assert "rare_person_value" not in set(table.made["almost"])
    assert set(table.made["one_filled"]) == set(table.made["three"]) == {""}
