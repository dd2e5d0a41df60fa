"""How near generated numbers have to be that become the same."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.encode.rules.saved import plan_to_json
from synth.encode.rules.steps import Snap
from synth.encode.rules.steps.snap import ALWAYS, NEVER, nearest
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.training.fit import fit
from synth.training.nearness import has_near, with_distances


def table(same: float) -> pd.DataFrame:
    random = np.random.default_rng(0)
    first, second = random.gamma(2, 20_000, (2, 800)).round(2)
    return pd.DataFrame({"march": first, "april": np.where(random.random(800) < same, first, second)})


def fitted(same: float) -> TrainedModel:
    frame = table(same)
    return fit(frame, propose_schema(frame), TrainConfig(steps=20, device="cpu"), Rng(0))


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return fitted(0.3)


def within(model: TrainedModel) -> list[float]:
    return [end for step in model.encoder.rules.steps if isinstance(step, Snap) for end in step.beside[0].within]


def test_a_model_is_finished_with_distances(model: TrainedModel) -> None:
    assert has_near(model.encoder)
    assert within(model)
    made, real = sample(model, 5_000, Rng(1)), table(0.3)
    shares = [(each["march"] == each["april"]).mean() for each in (real, made)]
    assert shares[1] == pytest.approx(shares[0], abs=0.02)


def test_they_are_the_same_for_the_same_seed_and_replace_earlier_ones(model: TrainedModel) -> None:
    one, same, other = (with_distances(model, Rng(seed)) for seed in (5, 5, 6))
    assert within(one) == within(same) != within(other)
    twice = with_distances(one, Rng(5))
    assert json.dumps(plan_to_json(twice.encoder.rules)) == json.dumps(plan_to_json(one.encoder.rules))
    free = replace(model, encoder=replace(model.encoder, rules=model.encoder.rules.apart_from_others(["april"])))
    assert within(free) == []
    assert with_distances(free, Rng(5)) is free


def test_a_table_without_such_columns_has_none() -> None:
    assert not has_near(fitted(0.0).encoder)


@pytest.mark.parametrize(
    ("wanted", "found"), [(0, NEVER), (0.4, NEVER), (1, 1.0), (2, 3.0), (3, 3.0), (5, ALWAYS), (9, ALWAYS)]
)
def test_the_nearest_are_as_many_as_wanted_give_or_take_those_that_are_as_near(wanted: float, found: float) -> None:
    assert nearest(np.array([3.0, 1.0, np.inf, 3.0, 8.0, 9.0]), wanted) == found


def test_of_many_that_are_as_near_none_become_the_same_where_few_are_wanted() -> None:
    assert nearest(np.repeat([2.0, 5.0], 10), 2) == NEVER
    assert nearest(np.repeat([2.0, 5.0], 10), 12) == 2.0
    assert nearest(np.array([np.inf]), 3) == ALWAYS
