"""Columns that are often the same are so as often in what is generated, and the rest of their values stays learnt."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.detect.same import OftenSame, often_same
from synth.encode.rules.fit import plan_rules
from synth.encode.rules.saved import plan_from_json, plan_to_json
from synth.encode.rules.steps import Same
from synth.encode.table_encoder import TableEncoder, fit_encoder
from synth.errors import ArtifactError
from synth.fidelity.rules import Origin, rule_scores
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.frame import validate
from synth.table.ranges import Range
from synth.table.source import FrameTable
from synth.training.described_rules import described_rules
from synth.training.fit import fit
from synth.uses.change import change

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
    return [(step.shown.name, *step.others) for step in encoder.rules.steps if isinstance(step, Same)]


def test_equal_amounts_are_found_and_not_zeros_or_marks_that_are_the_same_by_chance() -> None:
    assert found_in(bills()) == [OftenSame(column="april", others=("march",))]
    assert found_in(bills(same=0.0)) == found_in(bills(same=0.14)) == []


@pytest.mark.parametrize("people", [1, 4])
def test_fewer_than_five_people_do_not_decide_nor_leave_a_trace(people: int) -> None:
    frame = bills(250, same=0.0)
    frame.loc[: people - 1, "april"] = frame.loc[: people - 1, "march"]
    assert found_in(frame) == []
    others = frame.copy()
    others.loc[: people - 1, "april"] += 0.01
    plans = [json.dumps(plan_to_json(encoder_of(each).rules), sort_keys=True) for each in (frame, others)]
    assert plans[0] == plans[1]


def test_real_records_come_back_and_equal_cells_are_equal() -> None:
    frame = bills()
    frame.loc[5:40, "april"] = np.nan
    frame.loc[41:45, "march"] = np.nan
    encoder = encoder_of(frame)
    assert same_of(encoder) == [("april", "march")]
    encoded = encoder.encode(validate(frame, encoder.schema), Rng(0))
    made = encoder.decode(encoded, np.random.default_rng(0))
    equal = frame["march"] == frame["april"]
    assert (made.loc[equal, "march"] == made.loc[equal, "april"]).all()
    assert (made["april"].isna() == frame["april"].isna()).all()
    assert made["april"].dropna().between(0, 1e6).all()
    assert made["april"].dtype == frame["april"].dtype


def test_the_share_is_within_two_points_of_the_real_one() -> None:
    frame = bills(1_500)
    model = fit(frame, propose_schema(frame), TrainConfig(steps=60, device="cpu"), Rng(1))
    made = sample(model, 1_500, Rng(2))
    shares = [(each["april"] == each["march"]).mean() for each in (frame, made)]
    assert abs(shares[0] - shares[1]) < 0.02
    scores = rule_scores(frame, made, model.schema, {}, np.random.default_rng(0), model.encoder.rules.often)
    often = [each for each in scores if each.origin is Origin.OFTEN]
    assert [each.rule for each in often] == ["april = march"]
    assert (often[0].real, often[0].synthetic) == pytest.approx(shares)
    not_learnt = rule_scores(frame, made, model.schema, {}, np.random.default_rng(0))
    assert not [each for each in not_learnt if each.origin is Origin.OFTEN]
    high = change(model, made[:200], {"april": Range(60_000, 90_000)}, Rng(3))
    assert high["april"].between(60_000, 90_000).all()
    low = sample(model, 100, Rng(3), conditions={"april": Range(0, 40_000)})
    assert low["april"].between(0, 40_000).all()


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


def test_the_step_survives_saving_and_is_checked() -> None:
    encoder = encoder_of(bills())
    state = plan_to_json(encoder.rules)
    assert plan_from_json(json.loads(json.dumps(state)), encoder.schema) == encoder.rules
    place = [step["step"] for step in state["steps"]].index("same")
    for others in ([], ["april"], ["nothing"], "march", [1]):
        wrong = json.loads(json.dumps(state))
        wrong["steps"][place]["others"] = others
        with pytest.raises(ArtifactError):
            plan_from_json(wrong, encoder.schema)
