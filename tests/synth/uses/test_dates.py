"""Conditions on dates and on their parts are met, and given dates and parts fill one another."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synth.artifact import load, save
from synth.detect.propose import propose_schema
from synth.errors import ConditionError, RuleWarning, SynthError
from synth.fidelity.rules import Origin, rule_scores
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.rules.share import share_of
from synth.rules.text import text_of_rule
from synth.sampling.sample import sample
from synth.table.frame import validate
from synth.table.ranges import AnyOf, Condition, Presence, Range
from synth.table.source import FrameTable
from synth.table.values import values_of
from synth.training.described import described_columns
from synth.training.fit import fit
from synth.uses.change import change
from synth.uses.complete import complete
from synth.uses.impute import impute_with
from tests.synth.rules.tables import appointments
from tests.synth.tables_about_people import FAST

PARTS = ["year", "month", "day", "weekday", "hour", "minute", "quarter"]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return appointments(800)


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> TrainedModel:
    return fit(frame, propose_schema(frame), FAST, Rng(1))


def assert_kept(model: TrainedModel, made: pd.DataFrame) -> None:
    for each in model.encoder.rules.rules:
        assert share_of(each.rule, values_of(made, model.schema)).records == 0, text_of_rule(each.rule)


@pytest.mark.parametrize(
    ("column", "asked", "met"),
    [
        ("month", "March", lambda x: x == "March"),
        ("month", AnyOf(("March", "April")), lambda x: x.isin(["March", "April"])),
        ("birth_month", "03", lambda x: x == "03"),
        ("hour", Range(8, 12), lambda x: x.between(8, 12)),
        ("hour", Range(15, None), lambda x: x >= 15),
        ("weekday", "Tue", lambda x: x == "Tue"),
        ("birth_year", Range(1960, 1970), lambda x: x.between(1960, 1970)),
        ("at", Range("2022-03-01", "2022-03-31"), lambda x: x.between("2022-03-01", "2022-04-01")),
        ("at", Range("2022-06-01", None), lambda x: x >= "2022-06-01"),
        ("at", Presence.PRESENT, lambda x: x.notna()),
    ],
)
def test_conditions_on_parts_and_dates_are_met(
    model: TrainedModel, column: str, asked: Condition, met: Callable[[pd.Series], pd.Series]
) -> None:
    found = sample(model, 60, Rng(2), conditions={column: asked})
    assert len(found) == 60
    assert met(found[column]).all()
    assert_kept(model, found)


def test_conditions_on_a_date_and_its_parts_are_met_at_once_or_refused(model: TrainedModel) -> None:
    found = sample(model, 20, Rng(2), conditions={"at": Range("2022-01-01", "2022-12-31"), "hour": Range(9, 10)})
    assert found["hour"].between(9, 10).all()
    assert found["at"].between("2022-01-01", "2023-01-01").all()
    with pytest.raises(ConditionError, match=r"'month'.*fewer than 1 of 1,000"):
        sample(model, 20, Rng(2), conditions={"at": Range("2022-03-05", "2022-03-20"), "month": "July"})
    with pytest.raises(ConditionError, match="'at'"):
        sample(model, 20, Rng(2), conditions={"at": Range("1999-01-01", "1999-12-31")})


def test_a_date_that_is_given_tells_all_its_parts(model: TrainedModel, frame: pd.DataFrame) -> None:
    given = frame[["at", "born"]].head(100)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuleWarning)
        (done,) = complete(model, given, Rng(3))
    pd.testing.assert_frame_equal(done[["at", *PARTS]], frame[["at", *PARTS]].head(100), check_dtype=False)
    assert_kept(model, done)


def test_parts_that_are_given_tell_the_date(model: TrainedModel, frame: pd.DataFrame) -> None:
    (done,) = complete(model, frame[["year", "month", "day", "hour", "minute"]].head(100), Rng(3))
    pd.testing.assert_series_equal(done["at"], frame["at"].head(100))
    assert_kept(model, done)


def test_missing_dates_and_parts_are_imputed_so_that_they_agree(model: TrainedModel, frame: pd.DataFrame) -> None:
    gaps = frame.head(90).copy()
    gaps.loc[:29, "at"] = None
    gaps.loc[30:59, ["hour", "month"]] = None
    gaps.loc[60:, ["at", "hour", "weekday"]] = None
    with pytest.warns(RuleWarning):  # of the last ones, whose day is given and whose date is drawn
        done = impute_with(model, gaps, Rng(4)).tables[0]
    assert (done["at"].head(60) == frame["at"].head(60)).all()
    assert (done["hour"].head(60) == frame["hour"].head(60)).all()
    assert done.notna().all(axis=None)
    assert_kept(model, done.head(60))


def test_given_parts_that_contradict_a_given_date_stay_and_are_told_of(
    model: TrainedModel, frame: pd.DataFrame
) -> None:
    given = frame[["at", "month"]].head(50).assign(month="May")
    with pytest.warns(RuleWarning, match="month = month"):
        (done,) = complete(model, given, Rng(3))
    pd.testing.assert_frame_equal(done[["at", "month"]], given, check_dtype=False)


def test_a_change_of_the_hour_changes_the_date_and_one_of_the_month_is_refused(
    model: TrainedModel, frame: pd.DataFrame
) -> None:
    found = change(model, frame.head(40), {"hour": Range(9, 9)}, Rng(2))
    assert (found["hour"] == 9).all()
    assert_kept(model, found)
    for name, asked in (("month", "May"), ("at", Range("2022-01-01", "2022-02-01"))):
        with pytest.raises(SynthError, match=name):
            change(model, frame.head(40), {name: asked}, Rng(2))


def test_a_saved_model_samples_the_same(model: TrainedModel, tmp_path: object) -> None:
    save(model, str(tmp_path))
    assert sample(load(str(tmp_path)), 200, Rng(4)).equals(sample(model, 200, Rng(4)))


def test_report_and_quote_tell_of_the_rules(model: TrainedModel, frame: pd.DataFrame) -> None:
    made = sample(model, 300, Rng(2))
    kept = {each.rule: each.declared for each in model.encoder.rules.rules}
    values = [values_of(table, model.schema) for table in (frame, made)]
    scores = {each.rule: each for each in rule_scores(*values, model.schema, kept, np.random.default_rng(0))}
    score = scores['month = month(at, "America/New_York")']
    assert (score.origin, score.built_in, score.real, score.synthetic) == (Origin.FOUND, True, 1.0, 1.0)
    assert not any(each.origin is Origin.PROPOSED and "birth" in each.rule for each in scores.values())
    schema = propose_schema(frame)
    table = FrameTable(validate(frame, schema))
    columns = {each.name: each.becomes for each in described_columns(model.encoder, table, schema, FAST)}
    assert columns["birth_year"] == "computed by the rule birth_year = year(born)"
    assert columns["at"] == "put together from 'hour', 'minute', 'weekday' and the rest of it, which is learnt"


def test_people_with_several_records_have_parts_that_agree_in_each(frame: pd.DataFrame) -> None:
    person = np.repeat(np.arange(400), 2)
    same = frame.assign(person=person, born=frame["born"].to_numpy()[2 * person])
    same = same.assign(birth_year=same["born"].dt.year, birth_month=same["born"].dt.month.map("{:02}".format))
    same = same.sort_values(["person", "at"]).reset_index(drop=True)
    schema = propose_schema(same).with_roles(person="person", order="at")
    several = fit(same, schema, FAST, Rng(1))
    rules = [text_of_rule(each.rule) for each in several.of_records.rules.rules]
    assert {"birth_year = year(born)", 'hour = hour(at, "America/New_York")'} <= set(rules)
    made = sample(several, 400, Rng(2))
    for each in several.of_records.rules.rules:
        assert share_of(each.rule, values_of(made, several.schema)).records == 0
    assert (made.groupby("person")["birth_year"].nunique() == 1).all()
