"""Parts of a date agree with it in whatever is generated, and a plan tells nothing of the few who break a rule."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.encode.fit_encoder import fit_encoder
from synth.encode.rules.fit import plan_rules
from synth.encode.rules.plan import RulePlan
from synth.encode.rules.saved import plan_from_json, plan_to_json
from synth.encode.rules.steps import DateOfParts, PartOfDate
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.errors import ArtifactError, RuleError
from synth.protection import HOLDERS
from synth.randomness import Rng
from synth.rules.rule import DatePart
from synth.rules.share import share_of
from synth.rules.text import text_of_rule
from synth.table.frame import validate
from synth.table.source import FrameTable
from synth.table.values import values_of
from tests.synth.rules.tables import appointments

FAST = TrainConfig(device="cpu", max_modes=1)
PARTS = ("year", "month", "day", "weekday", "hour", "minute", "quarter")


def encoder_of(frame: pd.DataFrame, *rules: str, find: bool = True) -> TableEncoder:
    schema = propose_schema(frame).with_rules(*rules, find=find)
    return fit_encoder(validate(frame, schema), schema, FAST, Rng(0))


def plan_of(frame: pd.DataFrame, *rules: str, find: bool = True) -> RulePlan:
    schema = propose_schema(frame).with_rules(*rules, find=find)
    return plan_rules(FrameTable(validate(frame, schema)), schema, HOLDERS, Rng(0))


def made_anyhow(encoder: TableEncoder, records: int = 1_000, seed: int = 0) -> pd.DataFrame:
    """What codes are decoded to that are drawn evenly, each column's by itself."""
    random = np.random.default_rng(seed)
    codes = np.column_stack([random.integers(0, width, records) for width in encoder.widths])
    residuals = random.uniform(-1, 1, (records, len(encoder.residual_columns))).astype(np.float32)
    return encoder.decode(EncodedTable(codes=codes, residuals=residuals), random)


def assert_kept(encoder: TableEncoder, made: pd.DataFrame) -> None:
    values = values_of(made, encoder.schema)
    for each in encoder.rules.rules:
        assert share_of(each.rule, values).records == 0, text_of_rule(each.rule)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return appointments(600)


@pytest.fixture(scope="module")
def encoder(frame: pd.DataFrame) -> TableEncoder:
    return encoder_of(frame)


def test_all_parts_agree_whatever_is_generated(encoder: TableEncoder, frame: pd.DataFrame) -> None:
    assert len(encoder.rules.rules) == 9
    made = made_anyhow(encoder)
    assert_kept(encoder, made)
    local = pd.to_datetime(made["at"]).dt.tz_convert("America/New_York")
    assert (made["month"] == local.dt.month_name()).all()
    assert (made["weekday"] == local.dt.day_name().str[:3]).all()
    assert (made["hour"] == local.dt.hour).all()
    assert (made["birth_month"] == made["born"].dt.month.map("{:02}".format)).all()
    assert {name: str(kind) for name, kind in made.dtypes.items()} == {n: str(k) for n, k in frame.dtypes.items()}
    assert made.notna().all(axis=None)


def test_the_hour_and_the_weekday_stay_learnt_and_the_date_has_them(encoder: TableEncoder, frame: pd.DataFrame) -> None:
    (step,) = (each for each in encoder.rules.steps if isinstance(each, DateOfParts))
    assert (step.columns, set(step.sources)) == (("at",), {"weekday", "hour", "minute"})
    made = encoder.decode(encoder.encode(frame, Rng(1)), np.random.default_rng(0))
    assert (made[["weekday", "hour", "minute"]] == frame[["weekday", "hour", "minute"]]).all(axis=None)
    moved = (pd.to_datetime(made["at"]) - pd.to_datetime(frame["at"])).abs()  # weeks of few people are protected
    assert (moved <= pd.Timedelta(days=15)).mean() > 0.95


def test_a_frame_and_arrow_hold_the_same(encoder: TableEncoder) -> None:
    random = np.random.default_rng(1)
    codes = np.column_stack([random.integers(0, width, 50) for width in encoder.widths])
    encoded = EncodedTable(codes=codes, residuals=np.zeros((50, len(encoder.residual_columns)), dtype=np.float32))
    made, batch = (encoder.decode, encoder.to_arrow)
    frame, arrow = made(encoded, np.random.default_rng(2)), batch(encoded, np.random.default_rng(2)).to_pandas()
    for name in PARTS:
        assert frame[name].astype(str).tolist() == arrow[name].astype(str).tolist()


def test_dates_stay_in_their_range_and_at_times_that_clocks_show(frame: pd.DataFrame) -> None:
    night = frame.copy()
    night["hour"] = np.random.default_rng(0).integers(0, 5, len(frame))
    local = pd.to_datetime(frame["at"]).dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    local += pd.to_timedelta(60 * night["hour"] + night["minute"], unit="min")
    there = local.dt.tz_localize("America/New_York", ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    night["at"] = there.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    night = night[there.notna()].reset_index(drop=True)
    encoder = encoder_of(night)
    made = made_anyhow(encoder, 20_000)
    assert_kept(encoder, made)
    assert made["at"].notna().all()
    assert made["at"].between(night["at"].min(), night["at"].max()).all()


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=7, unique=True),
    st.sampled_from(["", "at", "part", "both"]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_whichever_parts_there_are_and_whatever_is_missing(
    parts: list[str], missing: str, find: bool, seed: int
) -> None:
    frame = appointments(300)[["at", *parts, "ward"]]
    random = np.random.default_rng(seed)
    gone, also = random.random((2, 300)) < 0.2
    if missing in {"at", "both"}:
        frame.loc[gone, "at"] = None
    if missing in {"part", "both"}:
        frame[parts[0]] = frame[parts[0]].astype(object).where(~also, None)
        frame[parts[0]] = frame[parts[0]].infer_objects()
    rules = [] if find else [f'{part} = {part}(at, "America/New_York")' for part in parts]
    encoder = encoder_of(frame, *rules, find=find)
    known = [each for each in encoder.rules.rules if isinstance(each.rule, DatePart)]
    if not find:
        assert len(known) == len(parts)
    assert_kept(encoder, made_anyhow(encoder, seed=seed % 100))
    back = encoder.decode(encoder.encode(frame, Rng(1)), random)
    assert_kept(encoder, back)
    if missing != "both":
        for name in ("at", *parts):
            assert back[name].isna().mean() == pytest.approx(frame[name].isna().mean(), abs=0.02)


def test_where_the_date_is_missing_the_parts_are_as_in_the_table(frame: pd.DataFrame) -> None:
    frame = frame.copy()
    frame.loc[::4, ["at", *PARTS]] = None
    frame.loc[::5, "born"] = None
    encoder = encoder_of(frame)
    back = encoder.decode(encoder.encode(frame, Rng(1)), np.random.default_rng(0))
    assert (back[list(PARTS)].isna() == frame[list(PARTS)].isna()).all(axis=None)
    assert back["birth_year"].notna().all()
    assert back["born"].isna().equals(frame["born"].isna())


def test_a_date_that_other_rules_are_about_is_learnt_and_all_its_parts_are_computed(frame: pd.DataFrame) -> None:
    random = np.random.default_rng(0)
    admitted = frame["born"] + pd.to_timedelta(random.integers(0, 5_000, len(frame)), unit="D")
    stay = random.integers(1, 30, len(frame))
    table = pd.DataFrame({"admitted": admitted, "stay": stay})
    table["discharged"] = table["admitted"] + pd.to_timedelta(stay, unit="D")
    table["weekday"], table["left_on"] = table["admitted"].dt.day_name(), table["discharged"].dt.dayofweek
    encoder = encoder_of(table)
    texts = {text_of_rule(each.rule) for each in encoder.rules.rules}
    assert {"weekday = weekday(admitted)", "left_on = weekday(discharged) - 1"} <= texts
    assert "discharged = admitted + stay" in texts
    assert not any(isinstance(step, DateOfParts) for step in encoder.rules.steps)
    assert_kept(encoder, made_anyhow(encoder))


def test_a_date_that_is_missing_for_a_category_is_put_together_and_missing_there(frame: pd.DataFrame) -> None:
    gone = frame["ward"] == "c"
    table = frame[["at", "hour", "weekday", "ward"]].copy()
    table.loc[gone, ["at", "hour", "weekday"]] = None
    encoder = encoder_of(table)
    texts = {text_of_rule(each.rule) for each in encoder.rules.rules}
    assert {"missing(at) if ward = c", 'hour = hour(at, "America/New_York")'} <= texts
    assert any(isinstance(step, DateOfParts) for step in encoder.rules.steps)
    made = made_anyhow(encoder)
    assert_kept(encoder, made)
    assert made.loc[made["ward"] == "c", ["at", "hour", "weekday"]].isna().all(axis=None)


def test_a_sum_of_a_part_and_the_part_hold_at_once(frame: pd.DataFrame) -> None:
    table = frame[["at", "hour", "minute", "month"]].assign(time=100 * frame["hour"] + frame["minute"])
    encoder = encoder_of(table)
    texts = [text_of_rule(each.rule) for each in encoder.rules.rules]
    assert "time = 100 * hour + minute" in texts
    assert 'hour = hour(at, "America/New_York")' in texts
    assert_kept(encoder, made_anyhow(encoder))


def test_the_day_of_a_date_is_not_after_it(frame: pd.DataFrame) -> None:
    at = pd.to_datetime(frame["at"]).dt.tz_localize(None)
    table = pd.DataFrame({"at": at, "on": at.dt.normalize(), "month": at.dt.month})
    encoder = encoder_of(table, "on <= at", "month = month(on)", "1 <= month <= 12", "on = date(at)", find=False)
    assert len(encoder.rules.rules) == 4
    made = made_anyhow(encoder)
    assert_kept(encoder, made)
    assert (made["on"] == made["at"].dt.normalize()).all()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (("month = month(born)",), "contradicts the data"),
        (("ward = month(born)",), "contradicts the data"),
        (("hour = hour(at)",), "contradicts the data: fewer than 20 of about 600 people keep it"),
        (("month = month(day)",), "column 'day': expected dates, got others"),
        (("born = month(at)",), "column 'born': expected the month of a date, got dates"),
        (("birth_year = year(born)", "birth_year = birth_year2 + 0"), "'birth_year = year\\(born\\)'.*by which column"),
        (("birth_year = year(born)", "birth_year >= 1900"), "'birth_year = year\\(born\\)'"),
        (("born = date(other)", "other = date(born)"), "'born = date\\(other\\)'|'other = date\\(born\\)'"),
    ],
)
def test_declarations_that_cannot_be_kept_are_refused_with_names_and_counts(
    frame: pd.DataFrame, rules: tuple[str, ...], said: str
) -> None:
    more = frame.assign(birth_year2=frame["birth_year"], other=frame["born"])
    with pytest.raises(RuleError, match=said) as refused:
        encoder_of(more, *rules, find=False)
    assert not any(str(each) in str(refused.value) for each in (frame["at"][0], frame["birth_year"].min()))


@pytest.mark.parametrize("people", [1, HOLDERS - 1])
@pytest.mark.parametrize(
    ("column", "cell"), [("hour", 3), ("hour", 77), ("weekday", "Sun"), ("birth_year", 1801), ("month", "Nevermore")]
)
def test_fewer_than_five_people_who_break_a_rule_leave_no_trace(
    frame: pd.DataFrame, column: str, cell: object, people: int
) -> None:
    broken = frame.copy()
    broken.loc[: people - 1, column] = cell
    plans = [json.dumps(plan_to_json(plan_of(each)), sort_keys=True) for each in (frame, broken)]
    assert plans[0] == plans[1]
    encoder = encoder_of(broken)
    made = made_anyhow(encoder)
    assert_kept(encoder, made)
    assert made["at"].notna().all()
    assert str(cell) not in made[column].astype(str).tolist() or column == "hour"


def test_five_people_with_an_impossible_hour_have_it_computed(frame: pd.DataFrame) -> None:
    broken = frame.copy()
    broken.loc[: HOLDERS - 1, "hour"] = 77
    encoder = encoder_of(broken, 'hour = hour(at, "America/New_York")')
    (step,) = (each for each in encoder.rules.steps if isinstance(each, DateOfParts))
    assert "hour" not in step.sources
    made = made_anyhow(encoder)
    assert_kept(encoder, made)
    assert made["hour"].between(0, 23).all()


def test_the_plan_survives_saving(encoder: TableEncoder) -> None:
    state = json.loads(json.dumps(plan_to_json(encoder.rules)))
    assert plan_from_json(state, encoder.schema) == encoder.rules


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("at", {"unit": 7}),
        ("at", {"low": 3.0, "high": 2.0}),
        ("at", {"high": None}),
        ("at", {"rules": []}),
        ("at", {"rules": [{"rule": "month = month(at)"}]}),
        ("at", {"rules": [{"rule": "minute = minute(at)"}]}),
        ("at", {"rules": [{"rule": "hour = hour(born)"}]}),
        ("at", {"rules": [{"rule": "hour = hour(at)"}, {"rule": "minute = minute(at, UTC)"}]}),
        ("at", {"rules": [{"rule": "hour = hour(at)"}, {"rule": "hour = weekday(at)"}]}),
        ("month", {"rule": "month = month(nothing)"}),
        ("month", {"rule": "month = ward + 1"}),
        ("month", {"rule": "month = month(at, Mars)"}),
        ("month", {"rule": "month = month(ward)"}),
        (
            "month",
            {"spelling": {"width": 99, "prefix": "", "language": "", "short": False, "case": "plain", "stop": False}},
        ),
        (
            "month",
            {"spelling": {"width": 1, "prefix": "", "language": "xx", "short": False, "case": "plain", "stop": False}},
        ),
        (
            "quarter",
            {"spelling": {"width": 1, "prefix": "", "language": "en", "short": False, "case": "plain", "stop": False}},
        ),
        ("quarter", {"spelling": 1}),
        ("birth_year", {"rule": "birth_year = date(born)"}),
        ("birth_year", {"floors": [{"column": "born", "differs": False}]}),
    ],
)
def test_crafted_steps_are_refused(encoder: TableEncoder, column: str, wrong: dict[str, object]) -> None:
    state = json.loads(json.dumps(plan_to_json(encoder.rules)))
    place = next(i for i, step in enumerate(encoder.rules.steps) if step.columns == (column,))
    assert isinstance(encoder.rules.steps[place], DateOfParts | PartOfDate)
    state["steps"][place] |= wrong
    with pytest.raises(ArtifactError):
        TableEncoder.from_json(encoder.to_json(), encoder.schema, plan_from_json(state, encoder.schema))
