"""No two generated records are the same in the columns of a unique rule, and it tells nothing of real records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synth.artifact import load, save
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.detect.rules import find_rules_of_people
from synth.errors import RuleError, SynthError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.rules.rule import Unique
from synth.rules.text import text_of_rule
from synth.sampling.apart import apart_batches
from synth.sampling.mix import sample_mix
from synth.sampling.sample import sample, sample_batches
from synth.table.mix import Mix
from synth.table.ranges import Range
from synth.training.fit import fit

WARDS, DAYS = 8, 90
KEY = ["ward", "day"]


def panel(filled: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """One record of each ward on each day, or of some of them, in no order."""
    random = np.random.default_rng(seed)
    ward, day = np.divmod(random.permutation(WARDS * DAYS)[: int(filled * WARDS * DAYS)], DAYS)
    return pd.DataFrame(
        {
            "ward": np.array([f"ward {chr(97 + each)}" for each in range(WARDS)])[ward],
            "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(day, unit="D"),
            "beds": random.poisson(10 + 2 * ward),
            "shift": random.choice(["early", "late", "night"], len(ward)),
        }
    )


def rules_of(frame: pd.DataFrame) -> list[str]:
    people = np.arange(len(frame), dtype=np.int64)
    found = find_rules_of_people(frame.__getitem__, propose_schema(frame), people, np.random.default_rng(0))
    return [text_of_rule(each.rule) for each in found if each.sure and isinstance(each.rule, Unique)]


def learnt(frame: pd.DataFrame, *rules: str, find: bool = False) -> TrainedModel:
    schema = propose_schema(frame).with_rules(*rules, find=find)
    return fit(frame, schema, TrainConfig(steps=2, device="cpu", redraw=False), Rng(0))


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return learnt(panel(0.7), find=True)


@pytest.mark.parametrize("filled", [0.6, 1.0])
def test_columns_that_are_unique_together_are_found(filled: float) -> None:
    assert rules_of(panel(filled)) == ["unique(ward, day)"]


def test_a_column_of_which_each_day_has_one_record_is_found() -> None:
    random = np.random.default_rng(1)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.permutation(700)[:600], unit="D")
    assert rules_of(pd.DataFrame({"day": day, "rain": random.gamma(2, 3, 600).round(1)})) == ["unique(day)"]


def test_values_that_would_not_repeat_by_chance_are_no_rule() -> None:
    random = np.random.default_rng(2)
    many = pd.DataFrame(
        {"dose": random.normal(size=800), "weight": random.gamma(9, 8, 800), "sex": random.choice(2, 800)}
    )
    assert rules_of(many) == []


@pytest.mark.parametrize("repeated", [0, 1, 4])
def test_fewer_than_five_people_who_repeat_others_do_not_decide(repeated: int) -> None:
    frame = panel(0.8)
    # a person beside another one makes two who break the rule
    frame.loc[: repeated // 2 - 1, KEY] = frame.loc[100 : 99 + repeated // 2, KEY].to_numpy()
    assert rules_of(frame) == ["unique(ward, day)"]
    assert rules_of(pd.concat([frame, frame[:40]], ignore_index=True)) == []


def test_no_two_records_are_the_same_in_either_form(model: TrainedModel) -> None:
    assert "unique(ward, day)" in [text_of_rule(each.rule) for each in model.of_records.rules.rules]
    made = sample(model, 500, Rng(3))
    assert not made[KEY].duplicated().any()
    arrow = pd.concat([batch.to_pandas() for batch in sample_batches(model, 500, Rng(3))])
    for name in made:
        assert arrow[name].astype(str).tolist() == made[name].astype(str).tolist()


def test_shares_of_each_column_stay_nearly_as_they_were_drawn(model: TrainedModel) -> None:
    free = learnt(panel(0.7))
    kept, drawn = sample(model, 500, Rng(3)), sample(free, 500, Rng(3))
    assert drawn[KEY].duplicated().any()
    assert (kept["ward"] == drawn["ward"]).mean() > 0.97
    moved = (kept["day"] - drawn["day"]).abs().dt.days
    assert (moved == 0).mean() > 0.6
    assert moved.mean() < 5
    pd.testing.assert_frame_equal(kept.drop(columns=KEY), drawn.drop(columns=KEY))


def test_records_that_pieces_give_are_kept_apart_once_they_are_joined(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pieces", "sample"):
        monkeypatch.setattr(f"synth.sampling.{module}.PIECE", 100)
    whole = list(sample_batches(model, 450, Rng(4)))
    parts = (batch for each in (range(2), range(2, 5)) for batch in sample_batches(model, 450, Rng(4), pieces=each))
    joined = list(apart_batches(model, parts, {}))
    assert len(joined) == 5
    assert all(one.equals(other) for one, other in zip(whole, joined, strict=True))
    assert not pd.concat([batch.to_pandas() for batch in joined])[KEY].duplicated().any()


def test_the_rule_survives_saving_and_holds_under_conditions_and_in_a_mix(model: TrainedModel, tmp_path: Path) -> None:
    save(model, tmp_path)
    read = load(tmp_path)
    made = sample(read, 60, Rng(5), conditions={"ward": "ward a"})
    assert (made["ward"] == "ward a").all()
    assert not made["day"].duplicated().any()
    spring = sample(read, 100, Rng(5), conditions={"day": Range("2023-03-01", "2023-03-31")})
    assert spring["day"].between("2023-03-01", "2023-03-31").all()
    assert not spring[KEY].duplicated().any()
    mix = Mix(columns=("ward",), shares={("ward a",): 0.5, ("ward b",): 0.5})
    mixed = sample_mix(read, 100, Rng(6), [mix])
    assert mixed["ward"].value_counts().to_dict() == {"ward a": 50, "ward b": 50}
    assert not mixed[KEY].duplicated().any()


def test_more_records_than_days_go_on_after_the_last_day(model: TrainedModel) -> None:
    made = sample(model, 3 * WARDS * DAYS, Rng(7))
    assert not made[KEY].duplicated().any()
    assert (made["day"] > pd.Timestamp("2023-03-31")).any()


def test_a_declared_rule_that_leaves_too_few_values_is_refused_and_a_found_one_gives_way() -> None:
    random = np.random.default_rng(3)
    one, two = np.divmod(random.permutation(225), 15)
    frame = pd.DataFrame({"pupil": np.char.add("p", one.astype(str)), "task": np.char.add("t", two.astype(str))})
    frame["mark"] = random.normal(size=225).round(2)
    assert rules_of(frame) == ["unique(pupil, task)"]
    declared = learnt(frame, "unique(pupil, task)")
    assert not sample(declared, 225, Rng(0))[["pupil", "task"]].duplicated().any()
    with pytest.raises(SynthError, match="ask for fewer records"):
        sample(declared, 230, Rng(0))
    assert len(sample(learnt(frame, find=True), 230, Rng(0))) == 230


def test_a_column_is_needed_that_no_other_rule_is_about() -> None:
    frame = panel(0.7).assign(until=lambda t: t["day"] + pd.Timedelta(days=2))
    with pytest.raises(RuleError, match="no other rule"):
        learnt(frame, "unique(day)", "day < until")
    made = sample(learnt(frame, "unique(ward, day)", "day < until"), 400, Rng(0))
    assert not made[KEY].duplicated().any()
    assert (made["day"] < made["until"]).all()


def test_which_values_real_records_have_together_is_not_told() -> None:
    """All wards have all days but one ward's: the generated records have that one as often as any other."""
    whole = panel()
    away = (whole["ward"] == "ward c") & (whole["day"] == pd.Timestamp("2023-02-14"))
    model = learnt(whole[~away].reset_index(drop=True), find=True)
    assert "unique(ward, day)" in [text_of_rule(each.rule) for each in model.of_records.rules.rules]
    times = 0
    for seed in range(10):
        made = sample(model, 700, Rng(seed))
        times += int(((made["ward"] == "ward c") & (made["day"] == pd.Timestamp("2023-02-14"))).sum())
    assert times >= 7
