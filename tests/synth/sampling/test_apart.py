"""No two generated records are the same in the columns of a unique rule, and it tells nothing of real records."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synth.artifact import load, save
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.detect.rules import find_rules_of_people
from synth.encode.rules.apart import Apart, Movable, apart_from_json, movable_of
from synth.encode.rules.fit import plan_rules
from synth.encode.rules.plan import RulePlan
from synth.encode.rules.shown import shown_of
from synth.errors import ArtifactError, RuleError, RuleWarning, SynthError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.rules.rule import Unique
from synth.rules.text import text_of_rule
from synth.sampling.apart import Keeper, apart_batches
from synth.sampling.mix import sample_mix
from synth.sampling.sample import sample, sample_batches
from synth.table.frame import validate
from synth.table.mix import Mix
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.table.source import FrameTable
from synth.training.fit import fit
from synth.training.progress import TrainProgress
from synth.uses.complete import complete

WARDS, DAYS = 8, 90
KEY = ["ward", "day"]
UNIQUE = Unique(columns=("ward", "day"))


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


def planned(frame: pd.DataFrame, *rules: str, find: bool = False) -> RulePlan:
    schema = propose_schema(frame).with_rules(*rules, find=find)
    return plan_rules(FrameTable(validate(frame, schema)), schema, 5, Rng(0))


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
    assert (kept["ward"] == drawn["ward"]).all()
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


def test_more_records_than_days_repeat_them_under_a_found_rule_and_a_warning_says_so(model: TrainedModel) -> None:
    with pytest.warns(RuleWarning, match=r"records break the rule 'unique\(ward, day\)', which was found"):
        made = sample(model, 3 * WARDS * DAYS, Rng(7))
    assert made["day"].between("2023-01-01", "2023-03-31").all()
    # whatever room there is is used
    assert len(made.drop_duplicates(KEY)) > 0.9 * WARDS * DAYS


def test_more_records_than_days_go_on_after_the_last_one_under_a_declared_rule_and_a_warning_says_so() -> None:
    declared = learnt(panel(0.7), "unique(ward, day)")
    with pytest.warns(RuleWarning, match="beyond the range of the column"):
        made = sample(declared, 3 * WARDS * DAYS, Rng(7))
    assert not made[KEY].duplicated().any()
    beyond = made["day"] > pd.Timestamp("2023-03-31")
    assert 0 < beyond.sum() < len(made) - 0.9 * WARDS * DAYS


@pytest.mark.parametrize("hours", [24, 7])
def test_hours_do_not_go_beyond_the_last_hour_of_the_day(hours: int) -> None:
    """Each room is used once in an hour; few rooms are free."""
    cells = np.random.default_rng(9).permutation(60 * hours)[: 50 * hours]
    frame = pd.DataFrame({"room": np.char.add("room ", (cells // hours).astype(str)), "hour": cells % hours})
    made = sample(learnt(frame.assign(people=cells % 5), find=True), len(frame), Rng(1))
    assert made["hour"].between(0, hours - 1).all()


def test_cells_that_are_drawn_are_kept_apart_from_those_that_are_given() -> None:
    frame = panel(0.5)
    model = fit(
        frame, propose_schema(frame).with_rules("unique(ward, day)"), TrainConfig(steps=2, device="cpu"), Rng(0)
    )
    given = panel(0.5, seed=1)[["ward", "day"]]
    given.loc[given.index[::2], "day"] = pd.NaT
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuleWarning)
        (made,) = complete(model, given, Rng(2))
    assert not made[KEY].duplicated().any()
    kept = given["day"].notna()
    assert (made.loc[kept, "day"] == given.loc[kept, "day"]).all()
    assert (made["ward"] == given["ward"]).all()


def test_given_cells_that_break_a_unique_rule_stay_and_a_warning_says_so() -> None:
    frame = panel(0.5)
    model = fit(
        frame, propose_schema(frame).with_rules("unique(ward, day)"), TrainConfig(steps=2, device="cpu"), Rng(0)
    )
    given = pd.concat([frame[KEY].head(20)] * 2, ignore_index=True)
    with pytest.warns(RuleWarning, match=r"unique\(ward, day\)"):
        (made,) = complete(model, given, Rng(2))
    pd.testing.assert_frame_equal(made[KEY], given, check_dtype=False)


def test_a_declared_rule_that_conditions_leave_too_few_values_for_is_refused(model: TrainedModel) -> None:
    declared = Keeper(Apart(rule=UNIQUE, declared=True, movable=()), model.schema, {})
    day = pd.Series(pd.to_datetime(["2023-01-01"] * 2))
    same = {"ward": pd.Series(["ward a"] * 2), "day": day}
    with pytest.raises(SynthError, match="ask for fewer records"):
        declared.move(same)
    assert Keeper(Apart(rule=UNIQUE, declared=False, movable=()), model.schema, {}).move(same) == {}


def test_a_found_rule_of_which_no_column_may_be_moved_is_proposed_and_a_declared_one_is_refused_at_once() -> None:
    random = np.random.default_rng(3)
    one, two = np.divmod(random.permutation(225), 15)
    frame = pd.DataFrame({"pupil": np.char.add("p", one.astype(str)), "task": np.char.add("t", two.astype(str))})
    frame["mark"] = random.normal(size=225).round(2)
    assert rules_of(frame) == ["unique(pupil, task)"]
    assert planned(frame, find=True).apart == ()
    assert [text for text, _ in planned(frame, find=True).proposed] == ["unique(pupil, task)"]
    with pytest.raises(RuleError, match="plain numbers or dates"):
        planned(frame, "unique(pupil, task)")


def test_a_column_is_needed_that_no_other_rule_is_about() -> None:
    frame = panel(0.7).assign(until=lambda t: t["day"] + pd.Timedelta(days=2), number=lambda t: t.index // 2)
    with pytest.raises(RuleError, match="no other rule"):
        planned(frame, "unique(ward, day)", "day < until")
    (apart,) = planned(frame, "unique(day, number)", "day < until").apart
    assert [each.name for each in apart.movable] == ["number"]


def test_times_that_are_written_as_text_are_not_moved() -> None:
    random = np.random.default_rng(4)
    quarter = random.permutation(96 * 8)
    frame = pd.DataFrame({"room": quarter // 96, "t": [f"{q % 96 // 4:02}:{q % 4 * 15:02}" for q in quarter]})
    with pytest.raises(RuleError, match="plain numbers or dates"):
        planned(frame.assign(room=[f"room {each}" for each in frame["room"]]), "unique(room, t)")


def test_a_file_from_before_a_range_was_kept_is_read_without_one() -> None:
    numbers = pd.Series(np.arange(200) % 50, name="day")
    shown = shown_of(numbers, ColumnSpec(name="day", kind=ColumnKind.NUMERICAL), np.arange(200)).told()
    kept = movable_of(shown, numbers, np.arange(200), 5)
    assert kept is not None
    state = kept.to_json()
    assert Movable.from_json(state) == kept
    read = Movable.from_json({name: value for name, value in state.items() if name != "ends"})
    assert read.ends == (-read.last, read.last)
    for ends in ([1], [2, 1], ["a", 1], None):
        with pytest.raises(ArtifactError):
            Movable.from_json({**state, "ends": ends})


def test_a_column_on_a_step_is_moved_by_the_step() -> None:
    random = np.random.default_rng(5)
    amount = 100 * random.permutation(3_200)[:800]
    moment = pd.Timestamp("2023-01-01") + pd.to_timedelta(15 * random.permutation(900)[:800], unit="min")
    frame = pd.DataFrame({"amount": amount + 50, "moment": moment})
    for name in frame:
        (apart,) = planned(frame, f"unique({name})").apart
        made = pd.concat([frame[[name]]] * 3, ignore_index=True)
        kept = moved(Keeper(apart_from_json(apart.to_json()), propose_schema(frame), {}), made)
        assert kept[name].is_unique
        assert (kept[name].iloc[:800] == frame[name]).all()
        units = kept[name] if name == "amount" else (kept[name] - pd.Timestamp("2023-01-01")).dt.total_seconds() / 60
        assert (units % (100 if name == "amount" else 15) == (50 if name == "amount" else 0)).all()


def test_dates_and_numbers_do_not_go_on_for_ever() -> None:
    frame = panel(0.7).assign(account=lambda t: 2 * 10**15 + 3 * (t.index // 2))
    frame["day"] += pd.Timedelta(days=365 * 238)
    for rule in ("unique(ward, day)", "unique(ward, account)"):
        with pytest.raises(RuleError, match="plain numbers or dates"):
            planned(frame, rule)


def test_many_records_close_together_take_few_looks_each() -> None:
    values = np.rint(np.random.default_rng(6).normal(0, 300, 20_000))
    frame = pd.DataFrame({"value": values.astype(np.int64), "weight": values})
    column = movable_of(shown_of(frame["value"], propose_schema(frame)["value"]), frame["value"], np.arange(20_000), 5)
    assert column is not None
    rule = Unique(columns=("value",))
    keeper = Keeper(Apart(rule=rule, declared=True, movable=(column,)), propose_schema(frame), {})
    counted = {direction: Counted() for direction in keeper.onward}
    keeper.onward = {**counted}
    assert moved(keeper, frame)["value"].is_unique
    assert sum(each.looks for each in counted.values()) < 20 * len(frame)


def test_a_column_that_decides_another_one_is_not_moved() -> None:
    """Each room is on a floor: another room would be on another one."""
    random = np.random.default_rng(7)
    room, day = np.divmod(random.permutation(20 * 40), 40)
    frame = pd.DataFrame(
        {"room": room, "day": [f"day {each}" for each in day], "floor": np.char.add("f", (room // 5).astype(str))}
    )
    schema = TableSchema(
        columns=(
            ColumnSpec(name="room", kind=ColumnKind.NUMERICAL),
            ColumnSpec(name="day", kind=ColumnKind.CATEGORICAL),
            ColumnSpec(name="floor", kind=ColumnKind.CATEGORICAL),
        )
    )
    config = TrainConfig(steps=1, device="cpu", redraw=False)
    with pytest.raises(RuleError, match="neither decide another column"):
        fit(frame, schema.with_rules("unique(room, day)", find=False), config, Rng(0), progress=untrained)
    model = fit(frame, schema.with_rules(find=True), config, Rng(0))
    assert "unique(room, day)" not in [text_of_rule(each.rule) for each in model.of_records.rules.rules]
    assert "unique(room, day)" in [text for text, _ in model.of_records.rules.proposed]


def untrained(told: TrainProgress) -> None:
    assert told.step == 0


class Counted(dict[int, int]):
    """Counts the looks at what is taken."""

    looks = 0

    def get(self, key: int, default: int) -> int:  # type: ignore[override]
        self.looks += 1
        return super().get(key, default)


def moved(keeper: Keeper, frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    for name, (rows, values) in keeper.move({name: frame[name] for name in keeper.columns}).items():
        frame.loc[frame.index[rows], name] = values.to_numpy()
    return frame


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
