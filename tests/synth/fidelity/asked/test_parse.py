"""Questions are read as they are written, and what cannot be read is refused without a word of it."""

from __future__ import annotations

import pytest

from synth.fidelity.asked.aggregate import (
    MOST_ASKED,
    Aggregate,
    AskedError,
    Function,
    Term,
    Tolerance,
    check_asked,
)
from synth.fidelity.asked.parse import lines_asked, parse, parse_asked
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema

HOURS = "hours per week"
SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="age", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name=HOURS, kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="sex", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name='say "by"', kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="seen", kind=ColumnKind.DATETIME),
        ColumnSpec(name="id", kind=ColumnKind.IDENTIFIER),
    )
)


def shape(text: str) -> tuple[object, ...]:
    asked = parse(text)
    return asked.function, asked.terms, asked.part, asked.by, asked.within


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean(age)", (Function.MEAN, (Term("age"),), None, None, None)),
        (" MEAN ( age )  BY sex ", (Function.MEAN, (Term("age"),), None, "sex", None)),
        ("mean(age) by sex within 0.5", (Function.MEAN, (Term("age"),), None, "sex", Tolerance(0.5, relative=False))),
        ("mean(age) within 5%", (Function.MEAN, (Term("age"),), None, None, Tolerance(0.05, relative=True))),
        ('share("hours per week"=40)', (Function.SHARE, (Term(HOURS, "40"),), None, None, None)),
        ("share(income='>50K')", (Function.SHARE, (Term("income", ">50K"),), None, None, None)),
        ("share(income=>50K)", (Function.SHARE, (Term("income", ">50K"),), None, None, None)),
        ("quantile(capital-gain, .9)", (Function.QUANTILE, (Term("capital-gain"),), 0.9, None, None)),
        ("corr(age, sex=Female)", (Function.CORR, (Term("age"), Term("sex", "Female")), None, None, None)),
        (
            'regression(y=a ~ x1 + "x 2" + s=b) by "say ""by"""',
            (Function.REGRESSION, (Term("y", "a"), Term("x1"), Term("x 2"), Term("s", "b")), None, 'say "by"', None),
        ),
        ("mean(by) by within within 1", (Function.MEAN, (Term("by"),), None, "within", Tolerance(1.0, relative=False))),
        ("mean('it''s')", (Function.MEAN, (Term("it's"),), None, None, None)),
        ("mean(größe)", (Function.MEAN, (Term("größe"),), None, None, None)),
    ],
)
def test_a_question_is_read(text: str, expected: tuple[object, ...]) -> None:
    assert shape(text) == expected
    assert parse(text).text == text.strip()


WRONG = [
    "",
    "   ",
    "age",
    "max(age)",
    "min(age)",
    '"mean"(age)',
    "mean()",
    'mean("")',
    "mean(age",
    "mean(age))",
    "mean(age, Zaphod)",
    "mean(hours per week)",
    "mean(age) Zaphod",
    "mean(age) by",
    "mean(age) by sex by sex",
    "mean(age) within",
    "mean(age) within 0",
    "mean(age) within -1",
    "mean(age) within 1e999",
    "mean(age) within nan",
    "mean(age) within Zaphod",
    "mean(age) within 5 Zaphod",
    'mean("age)',
    "share(age)",
    "share(age=)",
    "share(=Zaphod)",
    "quantile(age)",
    "quantile(age, 0)",
    "quantile(age, 1)",
    "quantile(age, .99)",
    "quantile(age, 90%)",
    "quantile(age, Zaphod)",
    "corr(age)",
    "corr(age, age)",
    "corr(age, hours, Zaphod)",
    "regression(age)",
    "regression(age ~ )",
    "regression(age ~ age)",
    "regression(age ~ hours * Zaphod)",
    "regression(age ~ " + " + ".join(f"x{i}" for i in range(11)) + ")",
    "mean(age); import os",
    "__import__('os')",
    "mean(" + "(" * 400,
    '"' * 499,
    "x" * 501,
    "\x00",
    "mean(age)\ud800",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_question_is_refused_by_its_place_and_not_repeated(text: str) -> None:
    with pytest.raises(AskedError, match=r"^ask 2: expected") as refused:
        parse_asked(["mean(age)", text])
    assert "Zaphod" not in str(refused.value)


def test_no_more_than_twenty_are_asked() -> None:
    assert len(parse_asked(["mean(age)"] * MOST_ASKED)) == MOST_ASKED
    with pytest.raises(AskedError, match="at most 20 questions, got 21"):
        parse_asked(["mean(age)"] * (MOST_ASKED + 1))


def test_a_text_has_a_question_on_each_line() -> None:
    assert lines_asked(" mean(age)\r\n\n\tshare(sex=Male) \n") == ["mean(age)", "share(sex=Male)"]
    assert lines_asked("") == []


@pytest.mark.parametrize(
    "text",
    [
        "mean(age) by sex",
        f'quantile("{HOURS}", .5)',
        f'share("{HOURS}"=40)',
        'mean(age) by "say ""by"""',
        "mean(age) by 'hours per week'",
        "mean(seen) within 3",
        "quantile(seen, .5) by sex within 3",
        f'regression("{HOURS}" ~ age + sex=Female)',
        "corr(sex=Female, 'say \"by\"'=x)",
    ],
)
def test_a_question_that_fits_the_columns_is_taken(text: str) -> None:
    check_asked([parse(text)], SCHEMA)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean(Zaphod)", "ask 1, mean: expected names of the 6 columns of the data set, got another one"),
        ("mean(Age)", "got another one"),
        ("mean(age) by Zaphod", "got another one"),
        ("mean(id)", "got the identifier 'id'"),
        ("mean(age) by id", "got the identifier 'id'"),
        ("mean(sex)", r"got the categorical 'sex'; ask for share\(COLUMN=VALUE\)"),
        ("corr(age, sex)", "got the categorical 'sex'; name a category of it"),
        ("regression(age ~ sex)", "got the categorical 'sex'; name a category of it"),
        ("share(age=Zaphod)", "expected a number after 'age'="),
        ("share(seen=2024-01-01)", "got the dates of 'seen'"),
        ("corr(age, seen)", "got the dates of 'seen'"),
        ("mean(seen)", "'seen' holds dates, of which no tolerance is a share: say within how many days"),
        ("mean(seen) within 5%", "'seen' holds dates"),
        ("mean(age) by seen", "got the dates of 'seen'"),
        ("share(sex=Male) by sex", "expected another column after by than those asked about, got 'sex'"),
    ],
)
def test_a_question_that_does_not_fit_names_itself_and_its_column(text: str, expected: str) -> None:
    with pytest.raises(AskedError, match=expected) as refused:
        check_asked([parse(text)], SCHEMA)
    assert str(refused.value).startswith("ask 1, ")
    assert "Zaphod" not in str(refused.value)


def test_spaces_around_a_name_are_named_for_nobody_sees_them() -> None:
    schema = TableSchema(columns=(ColumnSpec(name=" age ", kind=ColumnKind.NUMERICAL),))
    with pytest.raises(AskedError, match='spaces around the name as the table has them: say " age ", in quotes'):
        check_asked([parse("mean(age)")], schema)
    check_asked([parse('mean(" age ")')], schema)


def test_the_tolerance_of_a_job_is_in_points_of_a_share_and_a_part_of_all_else() -> None:
    def meant(text: str) -> Tolerance:
        asked: Aggregate = parse(text)
        return asked.tolerance(0.05)

    assert meant("share(sex=Male)") == meant("corr(age, hours)") == Tolerance(0.05, relative=False)
    assert meant("mean(age)") == meant("regression(age ~ hours)") == Tolerance(0.05, relative=True)
    assert meant("mean(age) within 3") == Tolerance(3.0, relative=False)
    assert meant("share(sex=Male) within 10%") == Tolerance(0.1, relative=True)
