"""Rules are kept by whatever codes are decoded, and a plan tells nothing of the one person who breaks a rule."""

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
from synth.encode.rules.declared import broken_by, without_broken
from synth.encode.rules.saved import plan_from_json, plan_to_json
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.errors import ArtifactError, ConditionError, RuleError, SchemaError
from synth.randomness import Rng
from synth.rules.rule import Combination
from synth.rules.share import share_of
from synth.rules.text import text_of_rule
from synth.table.frame import validate
from synth.table.ranges import Range
from synth.table.source import FrameTable
from synth.table.values import values_of
from tests.synth.rules.tables import visits

FAST = TrainConfig(device="cpu", max_modes=1)


def encoder_of(frame: pd.DataFrame, *rules: str, find: bool = True) -> TableEncoder:
    schema = propose_schema(frame).with_rules(*rules, find=find)
    return fit_encoder(validate(frame, schema), schema, FAST, Rng(0))


def any_codes(encoder: TableEncoder, records: int, random: np.random.Generator) -> EncodedTable:
    """Codes drawn evenly, each column's by itself: what no real record need have."""
    codes = np.column_stack([random.integers(0, width, records) for width in encoder.widths])
    residuals = random.uniform(-1, 1, (records, len(encoder.residual_columns))).astype(np.float32)
    return EncodedTable(codes=codes, residuals=residuals)


def kept_everywhere(encoder: TableEncoder, frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    made = encoder.decode(any_codes(encoder, 400, np.random.default_rng(seed)), np.random.default_rng(seed))
    values = values_of(made, encoder.schema)
    for each in encoder.rules.rules:
        share = share_of(each.rule, values, known=values_of(frame, encoder.schema))
        assert share.broken == 0, text_of_rule(each.rule)
    return made


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return visits(400)


@pytest.fixture(scope="module")
def encoder(frame: pd.DataFrame) -> TableEncoder:
    return encoder_of(frame)


def test_found_rules_are_kept_whatever_is_generated(encoder: TableEncoder, frame: pd.DataFrame) -> None:
    assert len(encoder.rules.rules) >= 7
    made = kept_everywhere(encoder, frame)
    assert {name: str(kind) for name, kind in made.dtypes.items()} == {n: str(k) for n, k in frame.dtypes.items()}


def test_arrow_and_frame_hold_the_same(encoder: TableEncoder) -> None:
    codes = any_codes(encoder, 50, np.random.default_rng(1))
    made = encoder.decode(codes, np.random.default_rng(2))
    batch = encoder.to_arrow(codes, np.random.default_rng(2))
    for name in made:
        assert pd.Series(batch.column(name).to_pylist(), dtype=object).map(str).tolist() == [
            str(None if pd.isna(each) else each.to_pydatetime() if isinstance(each, pd.Timestamp) else each)
            for each in made[name]
        ]


def test_real_records_come_back_but_for_what_is_protected(encoder: TableEncoder, frame: pd.DataFrame) -> None:
    made = encoder.decode(encoder.encode(frame, Rng(1)), np.random.default_rng(0))
    assert (made[["ward_a", "ward_b", "ward_c"]] == frame[["ward_a", "ward_b", "ward_c"]]).all(axis=None)
    assert (made["discharged"] - made["admitted"]).dt.days.median() == frame["stay"].median()


def test_the_plan_survives_saving_and_is_checked(encoder: TableEncoder) -> None:
    state = json.loads(json.dumps(plan_to_json(encoder.rules)))
    read = plan_from_json(state, encoder.schema)
    assert (read.rules, read.steps) == (encoder.rules.rules, encoder.rules.steps)
    for broken in ({**state, "steps": 2 * state["steps"]}, {**state, "steps": [{"step": "other"}]}, [], {}):
        with pytest.raises(ArtifactError):
            plan_from_json(broken, encoder.schema)


DECLARED = (
    "admitted <= discharged",
    "total >= drugs",
    "low < high",
    "drugs > 0",
    "0 <= low <= 80",
    "line = pieces * price",
    "combination(smoker, price)",
    "missing(packs) if smoker = no",
    "stay = discharged - admitted",
    "total = care + drugs",
    "one_hot(ward_a, ward_b, ward_c)",
    "minute < time",
)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.sampled_from(DECLARED), min_size=1, max_size=6, unique=True))
def test_declared_rules_that_overlap_are_all_kept_or_refused(rules: list[str]) -> None:
    frame = visits(150)
    try:
        encoder = encoder_of(frame, *rules, find=False)
    except RuleError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "cannot be kept beside" in refused or "circle" in refused
        return
    assert len(encoder.rules.rules) == len(rules)
    known = [each for each in encoder.rules.rules if not isinstance(each.rule, Combination)]
    made = encoder.decode(any_codes(encoder, 200, np.random.default_rng(0)), np.random.default_rng(0))
    for each in known:
        assert share_of(each.rule, values_of(made, encoder.schema)).broken == 0


@pytest.mark.parametrize("missing", ["discharged", "stay", "low", "drugs"])
def test_missing_cells_stay_as_frequent_and_rules_hold_beside_them(missing: str) -> None:
    frame = visits(400)
    frame.loc[frame.index % 5 == 0, missing] = None
    encoder = encoder_of(frame)
    made = encoder.decode(encoder.encode(frame, Rng(1)), np.random.default_rng(0))
    assert made[missing].isna().mean() == pytest.approx(0.2, abs=0.01)
    kept_everywhere(encoder, frame)


def test_texts_that_stand_for_numbers_and_dates_are_written_as_they_were() -> None:
    frame = visits(300)
    plain = frame.copy()
    for name in ("drugs", "care", "total"):
        frame[name] = frame[name].map(lambda x: f"€ {x:,.2f}")
    for name in ("admitted", "discharged"):
        frame[name] = frame[name].dt.strftime("%d.%m.%Y")
    encoder = encoder_of(frame)
    assert {"total", "discharged"} <= encoder.rules.changed
    made = kept_everywhere(encoder, frame)
    assert made["total"].str.fullmatch(r"€ [\d,]+\.\d\d").all()
    assert made["discharged"].str.fullmatch(r"\d\d\.\d\d\.\d{4}").all()
    assert len(plain) == 300


def test_the_one_person_who_breaks_a_rule_leaves_no_trace() -> None:
    frame = visits(700)
    told = plan_to_json(encoder_of(frame, find=True).rules)
    frame.loc[7, "discharged"] = frame.loc[7, "admitted"] - pd.Timedelta(days=4_000)
    frame.loc[11, "high"] = frame.loc[11, "low"] + 9_000
    frame.loc[13, "ward_b"] = 1 - frame.loc[13, "ward_b"]
    with_breakers = encoder_of(frame)
    rules = plan_to_json(with_breakers.rules)["rules"]
    assert {each["rule"] for each in rules} == {each["rule"] for each in told["rules"]}
    made = kept_everywhere(with_breakers, frame)
    assert made["discharged"].min() >= pd.Timestamp("2021-12-01")
    assert made["high"].max() < 300


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (("admitted <= discharged", "discharged < admitted"), "contradicts the data: fewer than 20 of about 400"),
        (("low <= high", "high <= low"), "contradicts the data"),
        (("drugs <= total", "total <= drugs"), "contradicts the data"),
        (("stay <= high", "minute <= high", "high <= time", "time <= stay"), "contradicts the data"),
        (("total = drugs + care", "total = care + drugs", "drugs = total - care"), "cannot be kept beside"),
        (("smoker <= low",), "got text"),
        (("admitted <= low",), "two numbers or two dates"),
    ],
)
def test_contradictions_are_refused_by_name_and_count(frame: pd.DataFrame, rules: tuple[str, ...], said: str) -> None:
    with pytest.raises(RuleError, match=said):
        encoder_of(frame, *rules, find=False)


def test_bounds_that_are_moved_to_and_fro_find_nobody(frame: pd.DataFrame) -> None:
    oldest = sorted(frame["high"])[::-1]
    said = set()
    for least in (oldest[0] + 1, oldest[0], oldest[1], oldest[10]):
        with pytest.raises(RuleError) as refused:
            encoder_of(frame, f"high >= {least}", find=False)
        said.add(str(refused.value).partition(": ")[2])
    assert len(said) == 1


def test_unknown_columns_and_identifiers_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(SchemaError, match="rule 1: expected names of the 19 columns, got 'departed'"):
        encoder_of(frame, "admitted <= departed")
    named = frame.assign(patient_id=[f"P{i:05d}" for i in range(len(frame))])
    with pytest.raises(RuleError, match="identifier"):
        encoder_of(named, "patient_id <= low")


def test_records_that_break_a_declared_rule_are_named_and_left_out_on_demand() -> None:
    frame = visits(300)
    frame.loc[[3, 8], "discharged"] = pd.Timestamp("2000-01-01")
    schema = propose_schema(frame).with_rules("admitted <= discharged", leave_out=True)
    ((text, share),) = broken_by(FrameTable(frame), schema)
    assert (text, share.records, share.lines) == ("admitted <= discharged", 2, (3, 8))
    kept = without_broken(FrameTable(frame), schema)
    assert len(kept) == 298
    assert (kept.column("discharged") > pd.Timestamp("2001-01-01")).all()


def test_a_member_of_a_group_is_conditioned_on_by_its_group(encoder: TableEncoder) -> None:
    column, yes = encoder.select("ward_b", "1")
    other, no = encoder.select("ward_b", Range(0, 0))
    assert column == other
    assert (yes.shares.sum(), no.shares.sum()) == (1, 2)
    with pytest.raises(ConditionError):
        encoder.select("ward_b", "7")


def test_nothing_changes_without_rules(frame: pd.DataFrame) -> None:
    encoder = encoder_of(frame, find=False)
    assert encoder.rules.steps == ()
    assert [each.name for each in encoder.encoders] == list(frame.columns)
