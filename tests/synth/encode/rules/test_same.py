"""Columns that are often the same are so as often in what is generated, and the rest of their values stays learnt."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.detect.same import OftenSame, often_same
from synth.encode.fit_encoder import fit_encoder
from synth.encode.rules.fit import plan_rules
from synth.encode.rules.saved import plan_from_json, plan_to_json
from synth.encode.rules.shown import shown_of
from synth.encode.rules.steps import Snap
from synth.encode.table_encoder import TableEncoder
from synth.errors import ArtifactError
from synth.fidelity.rules import Origin, rule_scores
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.rules.numbers import SAME_AS
from synth.rules.text import text_of_rule
from synth.sampling.sample import sample, sample_batches
from synth.table.frame import validate
from synth.table.ranges import Presence, Range
from synth.table.source import FrameTable
from synth.training.described import described_columns
from synth.training.described_rules import described_rules
from synth.training.fit import fit
from synth.uses.change import change
from synth.uses.complete import complete

FAST = TrainConfig(device="cpu", max_modes=1)


def bills(records: int = 600, same: float = 0.7, seed: int = 0) -> pd.DataFrame:
    """Bills of which some are the one before, payments that are often 0, and a mark from 1 to 5."""
    random = np.random.default_rng(seed)
    first, second = random.gamma(2, 20_000, (2, records)).round(2)
    repeated = random.random(records) < same
    return pd.DataFrame(
        {
            "march": first,
            "april": np.where(repeated, first, second),
            "paid_march": np.where(random.random(records) < 0.6, 0, random.integers(1, 90_000, records)),
            "paid_april": np.where(random.random(records) < 0.6, 0, random.integers(1, 90_000, records)),
            "mark": random.integers(1, 6, records),
            "last_mark": random.integers(1, 6, records),
        }
    )


def found_in(frame: pd.DataFrame) -> list[OftenSame]:
    return often_same(frame.__getitem__, propose_schema(frame), np.random.default_rng(0))


def encoder_of(frame: pd.DataFrame, *rules: str, find: bool = True, without: tuple[str, ...] = ()) -> TableEncoder:
    schema = propose_schema(frame).with_rules(*rules, find=find, without=without)
    return fit_encoder(validate(frame, schema), schema, FAST, Rng(0))


def same_of(encoder: TableEncoder) -> list[tuple[str, ...]]:
    return [(step.shown.name, *step.sources) for step in encoder.rules.steps if isinstance(step, Snap)]


def test_equal_amounts_are_found_and_not_zeros_or_marks_that_are_the_same_by_chance() -> None:
    assert found_in(bills()) == [OftenSame(column="april", others=("march",), mostly=True)]
    assert found_in(bills(same=0.14)) == [OftenSame(column="april", others=("march",), mostly=False)]
    assert found_in(bills(same=0.0)) == []


@pytest.mark.parametrize("people", [1, 4])
def test_fewer_than_five_people_do_not_decide_nor_leave_a_trace(people: int) -> None:
    frame = bills(250, same=0.0)
    frame.loc[: people - 1, "april"] = frame.loc[: people - 1, "march"]
    assert found_in(frame) == []
    others = frame.copy()
    others.loc[: people - 1, "april"] += 0.01
    plans = [json.dumps(plan_to_json(encoder_of(each).rules), sort_keys=True) for each in (frame, others)]
    assert plans[0] == plans[1]


def test_five_people_are_told_of() -> None:
    frame = bills(250, same=0.0)
    frame.loc[:4, "april"] = frame.loc[:4, "march"]
    assert found_in(frame) == [OftenSame(column="april", others=("march",), mostly=False)]


@pytest.mark.parametrize("people", [5, 6, 8, 12])
def test_the_scale_of_distances_tells_nobodys_value(people: int) -> None:
    """A mean of few numbers would tell one who knows all but one of them the last one."""
    frame = bills(300, same=0.0)
    frame["refund"] = 0.0
    frame.loc[: people - 1, "refund"] = frame.loc[: people - 1, "march"] = 50_000 + np.arange(people) * 1.37
    scales = set()
    for cents in (0, 3_333.33):
        other = frame.copy()
        other.loc[0, "refund"] += cents
        scales |= {step.scale for step in encoder_of(other).rules.steps if isinstance(step, Snap)}
    assert len(scales) == 1
    assert np.log2(scales.pop()).is_integer()


def test_where_more_people_have_to_stand_behind_a_value_five_do_not_decide() -> None:
    frame = bills(250, same=0.0)
    frame.loc[:5, "april"] = frame.loc[:5, "march"]
    asked = (frame.__getitem__, propose_schema(frame), np.random.default_rng(0))
    assert often_same(*asked)
    assert not often_same(*asked, least=20)


def test_a_column_of_whole_steps_stays_on_them() -> None:
    random = np.random.default_rng(0)
    paid = 50 * random.integers(1, 8_000, 2_000)
    bill = np.where(random.random(2_000) < 0.3, paid, random.integers(1, 400_000, 2_000))
    frame = pd.DataFrame({"bill": bill, "paid": paid})
    encoder = encoder_of(frame)
    assert step_of(encoder).stepped is not None
    near = frame.assign(paid=np.where(bill == paid, (paid * random.uniform(0.97, 1.03, 2_000) / 50).round() * 50, paid))
    encoded = encoder.encode(FrameTable(near), Rng(3))
    made = encoder.with_distances(encoded, np.random.default_rng(4)).decode(encoded, np.random.default_rng(4))
    assert (made["paid"] == made["bill"]).mean() > (near["paid"] == near["bill"]).mean()
    assert (made["paid"] % 50 == 0).all()


def test_one_cell_that_is_too_large_to_compare_decides_nothing() -> None:
    frame = bills()
    frame.loc[0, "april"] = 2e15
    assert found_in(frame) == [OftenSame(column="april", others=("march",), mostly=True)]


def test_what_fewer_than_five_people_have_in_an_interval_is_not_told() -> None:
    frame = bills(2_000, same=0.2)
    high = frame["april"] > frame["april"].quantile(0.7)
    frame.loc[high & (frame["april"] == frame["march"]), "april"] += 1
    several = frame.copy()
    places = frame["april"].nlargest(6).index
    several.loc[places, "march"] = several.loc[places, "april"]
    few = several.copy()
    few.loc[places[4:], "march"] += 1
    last = [step_of(encoder_of(each)).beside[0].shares[-1] for each in (frame, few, several)]
    assert last == [0, 0, 6 / 2_000]
    assert not np.isin(step_of(encoder_of(frame)).ends, frame["april"]).any(), "no end is somebody's own value"


def step_of(encoder: TableEncoder) -> Snap:
    (step,) = (step for step in encoder.rules.steps if isinstance(step, Snap))
    return step


def blurred(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as a generator has it: what is the same is near."""
    factor = np.random.default_rng(9).uniform(0.97, 1.03, len(frame))
    same = frame["april"] == frame["march"]
    return frame.assign(april=frame["april"].where(~same, (frame["april"] * factor).round(2)))


def restored(encoder: TableEncoder, frame: pd.DataFrame) -> pd.DataFrame:
    """The records as the encoder restores them once it has seen them generated."""
    table = {str(name): column for name, column in validate(frame, encoder.schema).items()}
    plan = encoder.rules.with_distances(table, encoder.schema)
    return pd.DataFrame(plan.restore(table, encoder.schema))


def test_what_is_near_becomes_the_same_as_often_as_in_the_table() -> None:
    frame = bills(2_000, same=0.3)
    made = blurred(frame)
    same = frame["april"] == frame["march"]
    found = restored(encoder_of(frame), made)
    equal = found["april"] == found["march"]
    assert (made["april"] == made["march"]).mean() < 0.01
    assert equal.mean() == pytest.approx(same.mean(), abs=0.002)
    assert equal[same].mean() > 0.9, "the near ones do, and not any"
    others = [name for name in frame if name != "april"]
    pd.testing.assert_frame_equal(found[others], validate(made, propose_schema(frame))[others])
    assert (found["april"] == made["april"])[~equal].all()
    assert found["april"].dtype == frame["april"].dtype
    # the same in intervals: among low values as among high ones
    for part in (frame["april"] < 20_000, frame["april"] > 60_000):
        assert equal[part].mean() == pytest.approx(same[part].mean(), abs=0.03)


def test_before_anything_is_generated_nothing_changes() -> None:
    frame = bills(same=0.3)
    encoder = encoder_of(frame)
    table = {str(name): column for name, column in validate(blurred(frame), encoder.schema).items()}
    pd.testing.assert_frame_equal(pd.DataFrame(encoder.rules.restore(table, encoder.schema)), pd.DataFrame(table))


def test_frequent_and_missing_values_stay_and_none_comes_that_the_column_cannot_have() -> None:
    frame = bills(2_000, same=0.3).round(0)
    frame["april"] = frame["april"].astype(int)
    frame.loc[:200, "april"] = 5_000  # frequent
    frame.loc[201:300, "march"] = 7_000
    encoder, made = encoder_of(frame), blurred(frame).round(0)
    made.loc[:200, ["april", "march"]] = [5_000, 5_001]
    made.loc[201:300, ["april", "march"]] = [7_001, 7_000]
    made.loc[301:400, "march"] = 8_000.5  # no whole number
    made.loc[301:400, "april"] = 8_000
    made.loc[401:500, "march"] = 9e6  # beyond the range
    made.loc[501:600, "march"] = np.nan
    made["april"] = made["april"].astype(int)
    found = restored(encoder, made)
    assert (found["april"] == made["april"])[:601].all()
    assert (found["april"] == found["march"])[601:].mean() > 0.3
    assert found["april"].dtype == np.int64


def test_a_value_that_is_the_one_of_the_first_column_does_not_become_the_one_of_the_second() -> None:
    random = np.random.default_rng(0)
    first, second, own = random.gamma(2, 20_000, (3, 3_000)).round(2)
    which = random.random(3_000)
    third = np.where(which < 0.3, first, np.where(which < 0.45, second, own))
    frame = pd.DataFrame({"a": first, "b": second, "april": third})
    encoder = encoder_of(frame)
    assert same_of(encoder) == [("april", "a", "b")]
    factor = random.uniform(0.98, 1.02, 3_000)
    found = restored(encoder, frame.assign(april=np.where(which < 0.45, third * factor, third).round(2)))
    for name, share in (("a", 0.3), ("b", 0.15)):
        assert (found["april"] == found[name]).mean() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("share", [0.7, 0.14])
def test_the_share_is_within_two_points_of_the_real_one(share: float) -> None:
    frame = bills(1_500, same=share)
    model = fit(frame, propose_schema(frame), TrainConfig(steps=60, device="cpu"), Rng(1))
    made = sample(model, 6_000, Rng(2))
    shares = [(each["april"] == each["march"]).mean() for each in (frame, made)]
    assert abs(shares[0] - shares[1]) < 0.02
    scores = rule_scores(frame, made, model.schema, {}, np.random.default_rng(0), model.encoder.rules.often)
    often = [each for each in scores if each.origin is Origin.OFTEN]
    assert [each.rule for each in often] == ["april = march"]
    assert (often[0].real, often[0].synthetic) == pytest.approx(shares)
    not_learnt = rule_scores(frame, made, model.schema, {}, np.random.default_rng(0))
    assert not [each for each in not_learnt if each.origin is Origin.OFTEN]
    batches = pa.Table.from_batches(sample_batches(model, 6_000, Rng(2))).to_pandas()
    assert (batches["april"].to_numpy() == made["april"].to_numpy()).all()


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    frame = bills(1_000, same=0.4)[["march", "april", "mark"]]
    return fit(frame, propose_schema(frame), TrainConfig(steps=30, device="cpu"), Rng(1))


def test_conditions_are_met_and_what_is_asked_for_may_still_be_the_same(model: TrainedModel) -> None:
    low = sample(model, 400, Rng(3), conditions={"april": Range(10_000, 40_000)})
    assert low["april"].between(10_000, 40_000).all()
    assert 0.2 < (low["april"] == low["march"]).mean() < 0.7
    there = sample(model, 400, Rng(3), conditions={"april": Presence.PRESENT})
    assert there["april"].notna().all()


def test_what_is_set_or_given_stays_and_the_rest_follows(model: TrainedModel) -> None:
    made = sample(model, 200, Rng(2))
    high = change(model, made, {"april": Range(60_000, 90_000)}, Rng(3))
    assert high["april"].between(60_000, 90_000).all()
    high = change(model, made, {"march": Range(60_000, 90_000)}, Rng(3))
    assert high["march"].between(60_000, 90_000).all()
    kept = made["march"].between(60_000, 90_000)
    pd.testing.assert_frame_equal(high[kept], made[kept])
    given = made[["march", "mark"]].assign(april=np.where(made.index < 100, 12_345.67, np.nan))
    (whole,) = complete(model, given, Rng(4))
    assert (whole["april"][:100] == 12_345.67).all()
    assert (whole["march"] == given["march"]).all()
    assert (whole["april"] == whole["march"])[100:].mean() > 0.2


def test_the_values_stay_tied_to_further_columns() -> None:
    """The sameness alone would say nothing of a third column that goes with the value."""
    random = np.random.default_rng(0)
    first = random.gamma(2, 20_000, 4_000).round(2)
    second = np.where(random.random(4_000) < 0.4, first, (first * random.uniform(0.5, 1.5, 4_000)).round(2))
    third = (second * random.uniform(0.9, 1.1, 4_000)).round(2)
    frame = pd.DataFrame({"march": first, "april": second, "paid": third})
    model = fit(frame, propose_schema(frame), TrainConfig(steps=60, device="cpu"), Rng(1))
    assert ("april", "march") in same_of(model.encoder)
    made = sample(model, 4_000, Rng(2))
    assert abs((made["april"] == made["march"]).mean() - (second == first).mean()) < 0.02
    real, own = (each[["april", "paid"]].corr("spearman").iloc[0, 1] for each in (frame, made))
    assert own > real - 0.05


def test_a_rule_about_the_column_comes_first_and_any_is_switched_off() -> None:
    frame = bills()
    assert same_of(encoder_of(frame, "april >= 0")) == []
    assert same_of(encoder_of(frame, find=False)) == []
    assert same_of(encoder_of(frame, without=("april = march",))) == []


@pytest.mark.parametrize(("same", "wins"), [(0.7, True), (0.14, False)])
def test_a_column_that_is_mostly_another_one_is_learnt_by_that_and_by_no_order_that_is_found(
    same: float, wins: bool
) -> None:
    """An order with a third column holds in all records: were it kept, hardly a bill would be the same as another."""
    both = bills(same=same)[["march", "april"]]
    fee = (both.min(axis=1) * np.random.default_rng(1).uniform(0.5, 0.9, len(both))).round(2)
    frame = both.assign(fee=fee)[["fee", "march", "april"]]
    encoder = encoder_of(frame)
    told = " ".join(why for rule, why in encoder.rules.proposed if "april" in rule and "fee" in rule)
    assert same_of(encoder) == ([("april", "march")] if wins else [])
    assert ("'april' is mostly the same as 'march'" in told) == wins
    assert same_of(encoder_of(frame, "fee <= april")) == []


def test_the_quote_says_how_often() -> None:
    frame = validate(bills(), propose_schema(bills()))
    encoder = encoder_of(bills())
    told = {each.rule: each for each in described_rules(encoder.rules, FrameTable(frame), propose_schema(bills()))}
    assert told["april = march"].origin == "often"
    becomes = {each.name: each.becomes for each in described_columns(encoder, FrameTable(frame), encoder.schema, FAST)}
    assert "how often it is the same as 'march'" in becomes["april"]
    assert "same" not in becomes["march"]
    share = (frame["april"] == frame["march"]).mean()
    assert told["april = march"].share == pytest.approx(share, abs=20 / 600)


def test_the_quote_does_not_tell_of_single_people_who_break_a_rule() -> None:
    frame = bills()
    ends = np.sort(frame["march"].to_numpy())[::-1]
    shares = []
    for broken in range(1, 45):
        schema = propose_schema(frame).with_rules(f"march <= {ends[broken] + 0.001:.3f}", find=False)
        table = FrameTable(validate(frame, schema))
        (told,) = described_rules(plan_rules(table, schema, 5, Rng(0)), table, schema)
        shares.append(told.share)
    assert shares[:9] == [1.0] * 9
    assert len(set(shares)) == 3


@pytest.mark.parametrize("spouse", [None, "y"])
def test_the_quote_does_not_tell_whether_the_only_one_of_a_kind_breaks_a_rule(spouse: str | None) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"job": random.choice(["clerk", "cook"], 300), "spouse": random.choice(["x", "y"], 300)})
    frame = frame.astype(object)
    frame.loc[random.random(300) < 0.3, "spouse"] = None
    frame.loc[7] = ["mayor", spouse]
    schema = propose_schema(frame).with_rules("missing(spouse) if job = 'mayor'", find=False)
    table = FrameTable(validate(frame, schema))
    (told,) = described_rules(plan_rules(table, schema, 5, Rng(0)), table, schema)
    assert (told.origin, told.share) == ("declared", None)


def saved_with(step: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {"rules": [], "steps": [{**json.loads(json.dumps(step)), **changes}]}


def test_the_step_survives_saving_and_is_checked() -> None:
    frame = bills(2_000)
    encoder = encoder_of(frame)
    table = {str(name): column for name, column in validate(blurred(frame), encoder.schema).items()}
    for plan in (encoder.rules, encoder.rules.with_distances(table, encoder.schema)):
        assert plan_from_json(json.loads(json.dumps(plan_to_json(plan))), encoder.schema) == plan
    state = plan_to_json(plan)
    (step,) = (each for each in state["steps"] if each["step"] == "snap")
    (other,) = step["others"]
    assert len(other["shares"]) == len(other["within"]) == len(step["ends"]) + 1 > 1
    assert plan_from_json(saved_with(step), encoder.schema).steps
    unlike = [{"column": "april"}, {"column": "nothing"}, {"column": 1}, {"shares": [0.1]}, {"within": [0.1]}]
    unlike += [{"within": [-2.0] * 8}, {"within": [1e9] * 8}, {"shares": [-0.1] * 8}, {"shares": [0.5] * 8}]
    others = [[], "march", [1], [other, other], *([{**other, **each}] for each in unlike)]
    wrong: list[dict[str, object]] = [{"others": each} for each in others]
    wrong += [{"ends": step["ends"][::-1]}, {"ends": [0.0] * 10}, {"low": 1e9}, {"scale": 0}, {"frequent": ["a"]}]
    for each in wrong:
        with pytest.raises(ArtifactError):
            plan_from_json(saved_with(step, **each), encoder.schema)


def test_models_of_earlier_versions_have_learnt_the_sameness_in_place_of_the_value() -> None:
    frame = bills()
    frame.loc[5:40, "april"] = np.nan
    frame.loc[41:45, "march"] = np.nan
    schema = propose_schema(frame)
    table = validate(frame, schema)
    shown = shown_of(table["april"], schema["april"])
    state = {"step": "same", "shown": shown.told().to_json(), "others": ["march"]}
    plan = plan_from_json(saved_with(state), schema)
    assert plan_to_json(plan) == saved_with(state)
    assert [text_of_rule(rule) for rule in plan.often] == ["april = march"]
    learnt = plan.forward(FrameTable(table), schema)
    assert plan.learnt(schema)["april"].markers == (str(SAME_AS),)
    held = {name: learnt.column(name) for name in schema.names}
    assert (held["april"] == SAME_AS).sum() == (frame["april"] == frame["march"]).sum()
    pd.testing.assert_series_equal(plan.restore(held, schema)["april"], table["april"])
    for others in ([], ["april"], ["nothing"], "march", [1]):
        with pytest.raises(ArtifactError):
            plan_from_json(saved_with(state, others=others), schema)
