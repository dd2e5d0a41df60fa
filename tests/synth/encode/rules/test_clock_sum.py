"""Times of day are computed from others and the minutes between them, and none is ever impossible."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from synth.artifact import load, save
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.encode.fit_encoder import fit_encoder
from synth.encode.rules.declared import broken_by
from synth.encode.rules.fit import plan_rules
from synth.encode.rules.saved import plan_from_json, plan_to_json
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.errors import ArtifactError, ConditionError, RuleError
from synth.fidelity.rules import Origin, rule_scores
from synth.model import TrainedModel
from synth.protection import HOLDERS
from synth.randomness import Rng
from synth.rules.clock import is_time
from synth.rules.share import share_of
from synth.sampling.sample import sample
from synth.table.frame import validate
from synth.table.ranges import AnyOf, Presence, Range
from synth.table.source import FrameTable
from synth.table.values import values_of
from synth.training.described import described_columns
from synth.training.described_rules import described_rules
from synth.training.fit import fit
from synth.uses.change import change
from tests.synth.rules.tables import flights, hhmm
from tests.synth.tables_about_people import FAST as FEW_STEPS

FAST = TrainConfig(device="cpu", max_modes=1)
TIMES = ["dep_time", "sched_dep_time", "arr_time", "sched_arr_time"]
DEPARTURE = "dep_time = clock(sched_dep_time + dep_delay)"


def encoder_of(frame: pd.DataFrame, *rules: str, find: bool = True, target: str | None = None) -> TableEncoder:
    schema = propose_schema(frame, target=target).with_rules(*rules, find=find)
    return fit_encoder(validate(frame, schema), schema, FAST, Rng(0))


def made_anyhow(encoder: TableEncoder, records: int = 2_000) -> pd.DataFrame:
    """What codes are decoded to that are drawn evenly, each column's by itself."""
    random = np.random.default_rng(0)
    codes = np.column_stack([random.integers(0, width, records) for width in encoder.widths])
    residuals = random.uniform(-1, 1, (records, len(encoder.residual_columns))).astype(np.float32)
    return encoder.decode(EncodedTable(codes=codes, residuals=residuals), random)


def assert_kept(encoder: TableEncoder, made: pd.DataFrame) -> None:
    values = values_of(made, encoder.schema)
    for each in encoder.rules.rules:
        assert share_of(each.rule, values).records == 0


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return flights(600)


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> TrainedModel:
    return fit(frame, propose_schema(frame), FEW_STEPS, Rng(1))


@pytest.mark.parametrize("target", [None, "arr_delay", "arr_time", "sched_arr_time"])
def test_whatever_is_generated_keeps_the_rules_and_holds_possible_times_alone(
    frame: pd.DataFrame, target: str | None
) -> None:
    encoder = encoder_of(frame, target=target)
    assert len(encoder.rules.rules) == 3  # with sched_dep_time = 100 * hour + minute
    made = made_anyhow(encoder)
    assert_kept(encoder, made)
    for name in TIMES:
        assert is_time(made[name].to_numpy(dtype=float)).all()
    assert {name: str(kind) for name, kind in made.dtypes.items()} == {n: str(k) for n, k in frame.dtypes.items()}


def test_real_records_come_back_but_for_protected_ends(frame: pd.DataFrame) -> None:
    encoder = encoder_of(frame)
    made = encoder.decode(encoder.encode(frame, Rng(1)), np.random.default_rng(0))
    assert_kept(encoder, made)
    moved = made["dep_delay"] - frame["dep_delay"]
    same = moved == 0
    assert same.mean() > 0.5
    assert (made.loc[same, "sched_dep_time"] == frame.loc[same, "sched_dep_time"]).mean() > 0.95


def test_midnight_is_written_as_the_table_does(frame: pd.DataFrame) -> None:
    frame = frame.copy()
    # planned at ten to midnight and ten minutes late, and arrived just at midnight
    frame.loc[:19, ["hour", "minute", "sched_dep_time", "dep_delay", "dep_time"]] = [23, 50, 2350, 10, 2400]
    frame.loc[:19, ["sched_arr_time", "arr_delay", "arr_time"]] = [2355, 5, 0]
    made = made_anyhow(encoder_of(frame), 20_000)
    for name, written, other in (("dep_time", 2400, 0), ("arr_time", 0, 2400)):
        assert (made[name] == written).any()
        assert not (made[name] == other).any()


def test_both_ways_to_write_midnight_stay_in_a_column_that_is_learnt() -> None:
    opens = np.repeat([0, 2400, 930, 1200, 1745], 80)
    lasts = np.random.default_rng(0).integers(30, 500, len(opens))
    closes = hhmm(60 * (opens // 100) + opens % 100 + lasts, midnight=0)
    frame = pd.DataFrame({"opens": opens, "closes": closes, "lasts": lasts})
    encoder = encoder_of(frame)
    assert [step.columns for step in encoder.rules.steps] == [("opens",), ("closes",)]
    made = encoder.decode(encoder.encode(frame, Rng(1)), np.random.default_rng(0))
    assert (made["opens"] == frame["opens"]).all()


@pytest.mark.parametrize("missing", [("dep_time", "dep_delay"), ("dep_time",), ("dep_delay",), ("arr_time", "minute")])
def test_missing_cells_stay_as_frequent(frame: pd.DataFrame, missing: tuple[str, ...]) -> None:
    """A time may be there where the delay is not: then it is learnt, and still a possible one."""
    frame = frame.copy()
    frame.loc[frame.index % 5 == 0, [*missing]] = np.nan
    encoder = encoder_of(frame)
    made = encoder.decode(encoder.encode(frame, Rng(1)), np.random.default_rng(0))
    for name in missing:
        assert made[name].isna().mean() == pytest.approx(0.2, abs=0.01)
    drawn = made_anyhow(encoder)
    assert_kept(encoder, drawn)
    assert is_time(drawn["dep_time"].dropna().to_numpy(dtype=float)).all()


@pytest.mark.parametrize("people", [1, HOLDERS - 1])
def test_fewer_than_five_people_who_break_a_rule_leave_no_trace(frame: pd.DataFrame, people: int) -> None:
    broken = frame.copy()
    broken.loc[: people - 1, "dep_time"] = 1
    impossible = frame.copy()
    impossible.loc[: people - 1, "dep_time"] = 1275
    encoders = [encoder_of(each) for each in (frame, broken, impossible)]
    plans = [json.dumps(plan_to_json(each.rules), sort_keys=True) for each in encoders]
    assert len(set(plans)) == 1
    learnt = [each.encode(table, Rng(3)) for each, table in zip(encoders, (frame, broken, impossible), strict=True)]
    assert all((each.codes == learnt[0].codes).all() for each in learnt)


def test_a_time_that_is_none_is_learnt_as_the_nearest_one(frame: pd.DataFrame) -> None:
    odd = frame.copy()
    odd.loc[:2, "sched_arr_time"] = [1275, 1290, 2500]
    encoder = encoder_of(odd)
    made = encoder.decode(encoder.encode(odd, Rng(1)), np.random.default_rng(0))
    assert made["sched_arr_time"].tolist()[:2] == [1259, 1300]
    assert is_time(made["sched_arr_time"].to_numpy(dtype=float)).all()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("dep_time = clock(distance + dep_delay)", "column 'distance': expected times of day as numbers HHMM"),
        ("distance = clock(dep_time + dep_delay)", "column 'distance': expected times of day as numbers HHMM"),
        ("dep_time = clock(day + dep_delay)", "column 'day': expected times of day as numbers HHMM.* got dates"),
        ("dep_time = clock(carrier + dep_delay)", "column 'carrier': expected numbers or dates, got text"),
        ("dep_time = clock(sched_dep_time + day)", "column 'day': expected a number of minutes, got dates"),
        ("dep_time = clock(sched_arr_time + dep_delay)", "contradicts the data"),
    ],
)
def test_columns_that_hold_no_times_are_refused_by_name_and_without_a_cell(
    frame: pd.DataFrame, rule: str, said: str
) -> None:
    days = pd.date_range("2020-01-01", periods=len(frame))
    more = frame.assign(distance=np.arange(len(frame)) % 150 * 37 + 20, day=days)
    with pytest.raises(RuleError, match=said) as refused:
        encoder_of(more, rule, find=False)
    assert not any(str(each) in str(refused.value) for each in (more["distance"].max(), more["dep_time"].iloc[0]))


@pytest.mark.parametrize(
    "rules",
    [
        (DEPARTURE,),
        ("sched_dep_time = clock(dep_time - dep_delay)",),
        (DEPARTURE, "sched_dep_time = 100 * hour + minute", "100 <= sched_arr_time < 2275"),
        (DEPARTURE, "500 < sched_dep_time <= 2275"),
        ("dep_delay >= 0", DEPARTURE),
    ],
)
def test_declared_rules_that_overlap_are_all_kept(frame: pd.DataFrame, rules: tuple[str, ...]) -> None:
    encoder = encoder_of(frame, *rules, find=False)
    assert len(encoder.rules.rules) == len(rules)
    made = made_anyhow(encoder)
    assert_kept(encoder, made)
    assert is_time(made[["dep_time", "sched_dep_time"]].to_numpy(dtype=float)).all()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((DEPARTURE, "dep_time >= 500"), "cannot be kept beside"),
        ((DEPARTURE, "1260 <= sched_dep_time <= 1299"), "contradicts the data|leave it a time of day"),
    ],
)
def test_rules_that_cannot_be_kept_beside_it_are_refused(
    frame: pd.DataFrame, rules: tuple[str, ...], said: str
) -> None:
    with pytest.raises(RuleError, match=said):
        encoder_of(frame, *rules, find=False)


def test_an_order_of_the_two_times_is_refused_beside_it_or_gives_way(frame: pd.DataFrame) -> None:
    """A time that is computed goes round at midnight, so that it may be the earlier one."""
    day = frame[frame["dep_delay"].ge(0) & frame["dep_time"].ge(500) & frame["dep_time"].lt(2400)]
    day = day[["sched_dep_time", "dep_time", "dep_delay"]].reset_index(drop=True)
    order = "sched_dep_time <= dep_time"
    assert order in [rule for rule, _ in encoder_of(day).rules.proposed]
    with pytest.raises(RuleError, match=r"holds times of day|cannot be kept beside"):
        encoder_of(day, order, DEPARTURE, find=False)
    assert_kept(encoder := encoder_of(day, order), made_anyhow(encoder))


def test_records_that_break_a_declared_rule_are_named_and_learnt_as_if_they_kept_it(frame: pd.DataFrame) -> None:
    odd = frame.copy()
    odd.loc[[3, 8], "dep_time"] = [1199, 1]
    schema = propose_schema(odd).with_rules(DEPARTURE)
    ((text, share),) = broken_by(FrameTable(odd), schema)
    assert (text, share.records, share.lines) == (DEPARTURE, 2, (3, 8))
    encoder = encoder_of(odd, DEPARTURE)
    assert_kept(encoder, encoder.decode(encoder.encode(odd, Rng(1)), np.random.default_rng(0)))


def test_conditions_are_met_on_computed_times_and_on_those_that_are_learnt(model: TrainedModel) -> None:
    found = sample(model, 100, Rng(3), conditions={"dep_time": Range(1200, 1800), "sched_arr_time": Range(1260, 1599)})
    assert found["dep_time"].between(1200, 1800).all()
    assert found["sched_arr_time"].between(1300, 1559).all()
    assert_kept(model.encoder, found)
    one = sample(model, 20, Rng(3), conditions={"sched_arr_time": AnyOf(("1215", "1275"))})
    assert (one["sched_arr_time"] == 1215).all()
    assert len(sample(model, 20, Rng(3), conditions={"sched_arr_time": Presence.PRESENT})) == 20
    for impossible in (Range(1260, 1299), "1275", Range(2401, None)):
        with pytest.raises(ConditionError, match=r"sched_arr_time.*expected a time of day as a number HHMM"):
            sample(model, 20, Rng(3), conditions={"sched_arr_time": impossible})


def test_a_change_of_a_learnt_time_moves_the_computed_one(model: TrainedModel, frame: pd.DataFrame) -> None:
    found = change(model, frame.head(50), {"sched_arr_time": Range(1000, 1100)}, Rng(2))
    assert found["sched_arr_time"].between(1000, 1100).all()
    assert_kept(model.encoder, found)


def test_a_saved_model_samples_the_same(model: TrainedModel, tmp_path: object) -> None:
    save(model, str(tmp_path))
    read = load(str(tmp_path))
    assert sample(read, 200, Rng(4)).equals(sample(model, 200, Rng(4)))


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("dep_time", {"midnight": 1}),
        ("dep_time", {"midnight": None}),
        ("dep_time", {"rule": "dep_time = hour + minute"}),
        ("sched_dep_time", {"midnight": 0}),
        ("sched_arr_time", {"low": -1}),
        ("sched_arr_time", {"high": 1441}),
        ("sched_arr_time", {"low": 9.5}),
    ],
)
def test_steps_survive_saving_and_are_checked(frame: pd.DataFrame, column: str, wrong: dict[str, object]) -> None:
    encoder = encoder_of(frame)
    state = json.loads(json.dumps(plan_to_json(encoder.rules)))
    assert plan_from_json(state, encoder.schema) == encoder.rules
    place = next(i for i, step in enumerate(encoder.rules.steps) if step.columns == (column,))
    state["steps"][place] |= wrong
    with pytest.raises(ArtifactError):
        plan_from_json(state, encoder.schema)


def test_people_with_several_records_keep_it_in_each() -> None:
    frame = flights(900).assign(plane=np.repeat(np.arange(300), 3))
    schema = propose_schema(frame).with_roles(person="plane")
    model = fit(frame, schema, FEW_STEPS, Rng(1))
    assert DEPARTURE in [each["rule"] for each in plan_to_json(model.of_records.rules)["rules"]]
    made = sample(model, 500, Rng(2))
    assert_kept(model.of_records, made)
    assert is_time(made[TIMES].to_numpy(dtype=float)).all()


def test_report_and_quote_tell_the_shares(frame: pd.DataFrame, model: TrainedModel) -> None:
    made = sample(model, 600, Rng(2))
    kept = {each.rule: each.declared for each in model.encoder.rules.rules}
    scores = {each.rule: each for each in rule_scores(frame, made, model.schema, kept, np.random.default_rng(0))}
    assert (scores[DEPARTURE].origin, scores[DEPARTURE].built_in) == (Origin.FOUND, True)
    assert (scores[DEPARTURE].real, scores[DEPARTURE].synthetic) == (1.0, 1.0)
    schema = propose_schema(frame)
    table = FrameTable(validate(frame, schema))
    told = {each.rule: each for each in described_rules(plan_rules(table, schema, 5, Rng(0)), table, schema)}
    assert (told[DEPARTURE].origin, told[DEPARTURE].share) == ("found", 1.0)
    columns = {each.name: each.becomes for each in described_columns(model.encoder, table, schema, FAST)}
    assert columns["dep_time"] == f"computed by the rule {DEPARTURE}"
    assert columns["sched_arr_time"] == "its minutes since midnight"
