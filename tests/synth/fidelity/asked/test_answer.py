"""Answers are right, know their noise, tell nothing of few people, and never stand where nothing was measured."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from synth.errors import TableError
from synth.fidelity.asked.aggregate import AskedError
from synth.fidelity.asked.answer import Answer, Asked, answer
from synth.fidelity.asked.estimate import Refusal, Sample, difference, estimate
from synth.fidelity.asked.parse import parse, parse_asked
from synth.fidelity.asked.rounding import rounded
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

NUMBERS = ("age", "hours", "double", "fixed", "spike", "huge", "lonely")
SCHEMA = TableSchema(
    columns=(
        *(ColumnSpec(name=name, kind=ColumnKind.NUMERICAL) for name in NUMBERS),
        *(ColumnSpec(name=name, kind=ColumnKind.CATEGORICAL) for name in ("sex", "town", "flag")),
        ColumnSpec(name="seen", kind=ColumnKind.DATETIME),
    )
)


def people(n: int, seed: int, *, older: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sex = np.where(rng.random(n) < 0.4, "Female", "Male")
    age = rng.normal(40, 10, n) + older * (sex == "Male")
    lonely = np.zeros(n)
    lonely[0] = 1e6 + seed
    return pd.DataFrame(
        {
            "age": age,
            "hours": 10 + 0.5 * age - 6 * (sex == "Female") + rng.normal(0, 8, n),
            "double": 2 * age,
            "fixed": np.full(n, 7.0),
            "spike": np.where(rng.random(n) < 0.7, 0.0, rng.lognormal(7, 1, n)),
            "huge": rng.normal(0, 1e200, n),
            "lonely": lonely,
            "sex": sex,
            "town": rng.choice(["A", "B", "C"], n, p=[0.6, 0.395, 0.005]),
            "flag": rng.random(n) < 0.3,
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 100, n), unit="D"),
        }
    )


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return people(2000, 0), people(1000, 1), people(3000, 2)


def ask(tables: tuple[pd.DataFrame, ...], text: str, schema: TableSchema = SCHEMA, tolerance: float = 0.05) -> Asked:
    (found,) = answer(*tables, schema, [parse(text)], tolerance=tolerance)
    json.dumps(found.to_json(), allow_nan=False)
    return found


def only(tables: tuple[pd.DataFrame, ...], text: str) -> Answer:
    (found,) = ask(tables, text).answers
    return found


def test_answers_are_those_of_pandas_to_the_noise_that_they_are_rounded_to(tables) -> None:
    real = pd.concat(tables[:2])
    expected = {
        "mean(age)": real["age"].mean(),
        "share(sex=Female)": (real["sex"] == "Female").mean(),
        "share(flag=true)": real["flag"].mean(),
        "quantile(age, .9)": real["age"].quantile(0.9),
        "corr(age, hours)": real["age"].corr(real["hours"]),
    }
    for text, value in expected.items():
        (found,) = ask(tables, text, tolerance=0.1).answers
        half = (found.upper - found.lower) / 2
        assert abs(found.real - value) <= half / 4, text
        assert found.difference == pytest.approx(found.synthetic - found.real, abs=half / 1e6)
        assert (found.outcome, found.real_people, found.synthetic_records) == ("holds", 3000, 3000)


def test_coefficients_are_those_of_least_squares_with_one_row_each(tables) -> None:
    real = pd.concat(tables[:2])
    x = np.column_stack([np.ones(len(real)), real["age"], real["sex"] == "Female"])
    expected = np.linalg.lstsq(x, real["hours"], rcond=None)[0]
    found = ask(tables, "regression(hours ~ age + sex=Female)").answers
    assert [each.term for each in found] == ["intercept", "slope of age", "slope of sex=Female"]
    for each, value in zip(found, expected, strict=True):
        assert abs(each.real - value) <= (each.upper - each.lower) / 8


def test_a_wrong_table_does_not_hold_and_a_small_one_cannot_be_told(tables) -> None:
    train, holdout, _ = tables
    wrong = people(3000, 2, older=5)
    by_sex = {each.group: each.outcome for each in ask((train, holdout, wrong), "mean(age) by sex within 2").answers}
    assert by_sex == {"Male": "does_not_hold", "Female": "holds"}
    small = only((train, holdout, people(50, 3)), "mean(age) within 0.5")
    assert small.outcome == "cannot_be_told"
    assert small.lower < -0.5 < 0.5 < small.upper or small.upper > 0.5 > small.lower


def test_groups_of_few_people_are_neither_answered_nor_named(tables) -> None:
    found = ask(tables, "mean(age) by town")
    assert [each.group for each in found.answers] == ["A"]  # B stays out so that all minus A is not C
    assert found.groups_left_out == 2
    assert '"C"' not in json.dumps(found.to_json())


def test_of_many_small_groups_none_but_they_stay_out(tables) -> None:
    frames = [
        frame.assign(town=np.where(np.arange(len(frame)) % 100 == 0, frame.index.astype(str), "A")) for frame in tables
    ]
    found = ask(tuple(frames), "mean(age) by town")
    assert [each.group for each in found.answers] == ["A"]
    assert found.groups_left_out == 20


def test_people_count_and_not_their_records() -> None:
    schema = TableSchema(
        columns=(*SCHEMA.columns, ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON))
    )
    frames = [people(15, seed).assign(who=[f"{seed}-{i}" for i in range(15)]) for seed in (0, 1, 2)]
    frames = [pd.concat([frame] * 10, ignore_index=True) for frame in frames]
    few = ask((frames[0], frames[0], frames[2]), "mean(age)", schema).answers[0]
    assert few.outcome == "not_answered"
    assert "fewer than 20 people" in few.reason
    many = ask((people(300, 0).assign(who="x"), frames[1], people(300, 3).assign(who=None)), "mean(age)", schema)
    assert many.answers[0].outcome == "not_answered"
    once = [people(300, seed).assign(who=[f"{seed}-{i}" for i in range(300)]) for seed in (0, 1, 2)]
    ten = [pd.concat([frame] * 10, ignore_index=True) for frame in once]
    a, b = (ask(tuple(each), "mean(age)", schema).answers[0] for each in (once, ten))
    assert (a.real_people, b.real_people, b.synthetic_records) == (600, 600, 3000)
    assert (a.lower, a.upper) == (b.lower, b.upper)


def test_one_person_moves_no_figure(tables) -> None:
    """Two jobs whose tables differ by one person, as far off as 999 in 1000 are at most, differ by one step at most."""
    train, holdout, synthetic = tables
    moved = 0
    for i in range(20):
        a = only((train, holdout, synthetic), "mean(age)")
        b = only((train.drop(index=i).reset_index(drop=True), holdout, synthetic), "mean(age)")
        moved += a.real != b.real
        assert abs(a.real - b.real) <= (a.upper - a.lower) / 8 + 1e-9
    assert moved <= 2


@pytest.mark.parametrize("n", [25, 400])
def test_subtracting_two_answers_tells_of_the_one_person_between_no_more_than_the_mean_does(n: int) -> None:
    """Guessing the group's mean misses a person by one standard deviation, here 10."""
    rng, missed = np.random.default_rng(3), []
    asked = parse("mean(age)")
    for _ in range(300):
        groups = rng.normal(40, 10, n), rng.normal(40, 10, n + 1)
        samples = [Sample(columns=(each,), owners=np.arange(len(each))) for each in (*groups, groups[1][:-1])]
        found = [estimate(asked, each, real=True, smooth=n) for each in samples]
        if not any(isinstance(each, Refusal) for each in found):
            synthetic, more, less = (each[0] for each in found)
            told = [rounded(real, synthetic, difference(real, synthetic)).real for real in (more, less)]
            missed.append((n + 1) * told[0] - n * told[1] - groups[1][-1])
    assert len(missed) > 250
    assert np.sqrt(np.mean(np.square(missed))) > 9


@pytest.mark.parametrize("apart", [1, 2, 3, 8])
def test_dummies_that_differ_in_a_few_people_do_not_tell_what_these_have(tables, apart: int) -> None:
    """`home=B` and `town=B` are the same people but for a few: intercept and slope of town would be their mean."""
    real, more, synthetic = (table.assign(home=table["town"]) for table in tables)
    real.loc[real.index[real["town"] == "B"][:apart], "home"] = "A"
    synthetic.loc[synthetic.index[synthetic["town"] == "B"][:200], "home"] = "A"
    schema = TableSchema(columns=(*SCHEMA, ColumnSpec(name="home", kind=ColumnKind.CATEGORICAL)))
    (found,) = ask((real, more, synthetic), "regression(hours ~ town=B + home=B)", schema).answers
    assert found.outcome == "not_answered"
    assert "fewer than" in found.reason


def test_a_share_in_other_words_is_one_of_five_people_as_well() -> None:
    """In town B all or nearly all people have the flag: no mean, correlation or coefficient may say so."""
    tables = [people(2000, seed) for seed in (0, 1, 2)]
    for table in tables:
        table["code"] = table["flag"].astype(float)
        table.loc[table["town"] == "B", ["flag", "code"]] = [True, 1.0]
    for table in tables[:2]:
        table.loc[table.index[table["town"] == "B"][:2], ["flag", "code"]] = [False, 0.0]
    schema = TableSchema(columns=(*SCHEMA, ColumnSpec(name="code", kind=ColumnKind.NUMERICAL)))
    for text in ("regression(code ~ town=B)", "regression(flag=True ~ age + town=B)", "corr(flag=True, town=B)"):
        (found,) = ask(tables, text, schema).answers
        assert (found.outcome, found.real) == ("not_answered", None)
    by_town = {each.group: each.outcome for each in ask(tables, "mean(code) by town", schema).answers}
    assert by_town["B"] == "not_answered" != by_town["A"]


def test_how_many_people_an_answer_stands_on_does_not_tell_that_one_misses_a_value(tables) -> None:
    first, *others = tables
    holed = first.assign(hours=first["hours"].where(first.index > 0))
    counts = [
        only((frame.iloc[:-1], *others), f"mean({name})").real_people
        for frame, name in ((holed, "age"), (holed, "hours"))
    ]
    assert counts == [2995, 2995]  # 2,999 and 2,998


@pytest.mark.parametrize("records", [1500, 6000])
@pytest.mark.parametrize("text", ["quantile(age, .5)", "quantile(age, .9)", "share(sex=Female)", "mean(age)"])
def test_one_person_with_most_of_the_records_is_not_the_answer(text: str, records: int) -> None:
    first, more, synthetic = (people(800, seed).assign(who=np.arange(800) + 1000 * seed) for seed in range(3))
    one = pd.concat([first.iloc[[0]].assign(age=71.25, sex="Female")] * records)
    tables = (pd.concat([first, one], ignore_index=True), more, synthetic)
    schema = TableSchema(columns=(*SCHEMA, ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON)))
    (found,) = ask(tables, text, schema).answers
    assert (found.outcome, found.real) == ("not_answered", None)
    assert "one person" in found.reason


def test_quantiles_are_nobodys_value_unless_many_have_it(tables) -> None:
    real = pd.concat(tables[:2])
    for part in (0.05, 0.25, 0.5, 0.95):
        assert only(tables, f"quantile(age, {part})").real not in set(real["age"])
    median = only(tables, "quantile(spike, .5)")
    assert (median.real, median.synthetic, median.lower, median.upper, median.outcome) == (0, 0, 0, 0, "holds")
    few = tuple(frame[:100] for frame in tables)
    assert "fewer than 400 people" in only(few, "quantile(age, .05)").reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mean(fixed)", "one value only"),
        ("corr(age, fixed)", "one value only"),
        ("regression(hours ~ fixed)", "one value only"),
        ("regression(hours ~ age + double)", "columns that determine one another"),
        ("regression(double ~ age)", "columns that determine one another"),
        ("corr(age, double)", "columns that determine one another"),
        ("share(town=D)", "fewer than 5 people with the value"),
        ("share(fixed=7)", "fewer than 5 people with the value that is named, or without it"),
        ("regression(age ~ town=C)", "fewer than 20 people with the value"),
        ("mean(lonely)", "rests on one person"),
        ("corr(age, lonely)", "rests on one person"),
        ("corr(age, huge)", "numbers too large"),
        ("mean(huge)", "numbers too large"),
    ],
)
def test_what_cannot_be_measured_has_a_reason_and_no_number(tables, text: str, reason: str) -> None:
    found = only(tables, text)
    assert found.outcome == "not_answered"
    assert reason in found.reason
    assert (found.real, found.synthetic, found.difference, found.lower, found.upper, found.tolerance) == (None,) * 6
    assert (found.real_people, found.synthetic_records, found.at_least) == (None,) * 3


def test_missing_cells_are_left_out_and_are_a_group_of_their_own(tables) -> None:
    holed = []
    for frame in tables:
        sex, age = frame["sex"].where(frame.index % 3 != 0, None), frame["age"].where(frame.index % 2 == 0)
        holed.append(frame.assign(sex=sex, age=age))
    assert only(tuple(holed), "mean(age)").real_people == 1500
    groups = {each.group: each.real_people for each in ask(tuple(holed), "mean(age) by sex").answers}
    assert groups["(missing)"] == 500  # 501, down to a multiple of five
    assert 1500 - 5 * len(groups) < sum(groups.values()) <= 1500
    assert only(tuple(holed), "share(sex=Female)").real_people == 1995
    empty = tuple(frame.assign(age=np.nan) for frame in tables)
    assert "The real table has fewer than 20 people" in only(empty, "mean(age)").reason


def test_what_the_synthetic_table_lacks_is_said(tables) -> None:
    train, holdout, synthetic = tables
    men = synthetic[synthetic["sex"] == "Male"].reset_index(drop=True)
    women = next(each for each in ask((train, holdout, men), "mean(age) by sex").answers if each.group == "Female")
    assert (women.outcome, women.real) == ("not_answered", None)
    assert women.reason.startswith("The synthetic table has fewer than 20 people")
    gone = only((train, holdout, men), "share(sex=Female)")
    assert (gone.outcome, gone.synthetic) == ("does_not_hold", 0.0)


def test_dates_are_told_in_days(tables) -> None:
    found = ask(tables, "mean(seen) within 5")
    assert (found.unit, found.relative) == ("date", False)
    real = pd.concat(tables[:2])["seen"].mean()
    assert abs(found.answers[0].real - real.timestamp() / 86_400) < 0.5
    assert found.answers[0].outcome == "holds"


def test_numbers_can_be_groups_and_the_largest_are_shown(tables) -> None:
    frames = tuple(frame.assign(fixed=np.arange(len(frame)) % 60) for frame in tables)
    found = ask(frames, "mean(age) by fixed")
    assert len(found.answers) == 50
    assert (found.groups_cut, found.groups_left_out) == (10, 0)
    assert "12" in {each.group for each in found.answers}


def test_a_question_on_no_column_of_the_table_is_refused(tables) -> None:
    with pytest.raises(AskedError, match="ask 2, mean"):
        answer(*tables, SCHEMA, parse_asked(["mean(age)", "mean(nosuch)"]), tolerance=0.05)
    with pytest.raises(TableError, match="holdout"):
        answer(tables[0], tables[1][:0], tables[2], SCHEMA, [parse("mean(age)")], tolerance=0.05)


def test_where_all_people_are_alike_no_noise_is_claimed() -> None:
    """Each person has a 0 and a 1: the mean is one half for everybody, which is no reason to call it exact."""
    schema = TableSchema(
        columns=(SCHEMA["age"], ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON))
    )
    frame = pd.DataFrame({"age": [0.0, 1.0] * 100, "who": np.repeat(np.arange(100), 2).astype(str)})
    found = ask((frame, frame.assign(who=frame["who"] + "b"), frame), "mean(age)", schema).answers[0]
    assert (found.outcome, found.real) == ("not_answered", None)
    assert "No noise" in found.reason


TIMES = 400
REGRESSION = "regression(hours ~ age + sex=Female)"


@pytest.mark.parametrize(("text", "n"), [("mean(age)", 100), ("share(sex=Female)", 100), (REGRESSION, 100)])
def test_intervals_of_the_difference_cover_it_as_often_as_they_say(text: str, n: int) -> None:
    """400 pairs of tables from one population: no difference lies in 95 % of the intervals; noise is 1.1 % a time."""
    assert all(0.915 < share < 0.985 for share in coverage(text, n))


@pytest.mark.parametrize("text", ["quantile(age, .5)", "quantile(spike, .6)", "quantile(spike, .9)"])
def test_intervals_of_quantiles_cover_at_least_as_often_as_they_say(text: str) -> None:
    assert min(coverage(text, 200)) > 0.915


def test_several_records_of_a_person_are_no_more_people() -> None:
    assert all(0.915 < share < 0.985 for share in coverage("mean(age)", 60, records=5))


def coverage(text: str, n: int, *, records: int = 1) -> list[float]:
    """How often the interval of each difference holds 0, where both tables are of one population."""
    asked, within = parse(text), []
    whole = people(TIMES * 4 * n, 7)
    columns = [whole[t.column] if t.value is None else whole[t.column] == t.value for t in asked.terms]
    arrays = [column.to_numpy(dtype=np.float64) for column in columns]
    for first in range(0, len(whole), 4 * n):
        ends = ((first, first + n), (first + n, first + 4 * n))
        samples = [
            Sample(
                columns=tuple(np.repeat(array[low:high], records) for array in arrays),
                owners=np.repeat(np.arange(high - low), records),
            )
            for low, high in ends
        ]
        found = [estimate(asked, each, real=i == 0, smooth=n) for i, each in enumerate(samples)]
        if not any(isinstance(each, Refusal) for each in found):
            gaps = [difference(*pair) for pair in zip(*found, strict=True)]
            within.append([low <= 1e-9 and high >= -1e-9 for low, high in gaps])
    assert len(within) > 0.97 * TIMES
    return list(np.mean(within, axis=0))
