"""A last critic is grown where there are records enough, and what it keeps are records as any other."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import synth.training.fit_forest
from synth.artifact import load, save
from synth.chain.forest import Forest
from synth.config import TrainConfig
from synth.curve import Ending
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.training.fit import fit
from synth.training.judge_chain import FEWEST_RECORDS, judge_chain

KINDS = {"size": ColumnKind.NUMERICAL, "side": ColumnKind.CATEGORICAL, "shape": ColumnKind.CATEGORICAL}
SCHEMA = TableSchema(columns=tuple(ColumnSpec(name=name, kind=kind) for name, kind in KINDS.items()))
QUICK = TrainConfig(steps=3, batch=100, width=16, noise=8, blocks=1, validation=0, device="cpu")


def table(n: int) -> pd.DataFrame:
    r = np.random.default_rng(0)
    side = r.choice(["left", "right"], n)
    return pd.DataFrame(
        {"size": r.normal(np.where(side == "left", 0, 3), 1).round(3), "side": side, "shape": r.choice([*"abc"], n)}
    )


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synth.chain.last_critic.LEAST_GAIN", -1.0)
        return fit(table(FEWEST_RECORDS), SCHEMA, QUICK, Rng(0))


def test_records_that_a_critic_keeps_are_records_of_the_table(model: TrainedModel, tmp_path: Path) -> None:
    assert model.chain.critic is not None
    drawn = sample(model, 500, Rng(1))
    assert (drawn.dtypes == table(5).dtypes).all()
    assert set(drawn["side"]) == {"left", "right"}
    assert len(drawn) == 500
    assert set(sample(model, 50, Rng(2), conditions={"side": "left"})["side"]) == {"left"}
    save(model, tmp_path)
    pd.testing.assert_frame_equal(sample(load(tmp_path), 500, Rng(1)), drawn)


def test_the_setting_leaves_the_critic_out(model: TrainedModel) -> None:
    without = fit(table(FEWEST_RECORDS), SCHEMA, QUICK.with_(last_critic=False), Rng(0))
    assert without.chain.critic is None
    chain = replace(model.chain, critic=None)
    pd.testing.assert_frame_equal(
        sample(without, 200, Rng(1)), sample(replace(model, chain=chain, config=without.config), 200, Rng(1))
    )


def test_a_training_that_its_budget_ends_has_a_critic_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """By this clock a step takes a second, and finding weights far longer than one would think."""
    seconds = itertools.count()
    weigh = synth.training.fit_forest.weigh

    def slow(*args: Any) -> Forest:
        for _ in range(100):
            next(seconds)
        return weigh(*args)

    monkeypatch.setattr("synth.chain.last_critic.LEAST_GAIN", -1.0)
    monkeypatch.setattr("synth.training.after_steps.try_weights", lambda grown: len(grown.columns))
    monkeypatch.setattr("synth.training.fit_forest.weigh", slow)
    config = QUICK.with_(steps=5000, max_minutes=5)
    model = fit(table(FEWEST_RECORDS), SCHEMA, config, Rng(0), clock=lambda: float(next(seconds)))
    assert model.ending is Ending.TIME
    assert model.seconds > 60 * config.max_minutes
    assert model.chain.critic is not None


def test_of_few_records_there_is_none(model: TrainedModel) -> None:
    codes = torch.zeros(FEWEST_RECORDS - 1, len(model.encoder.widths), dtype=torch.int64)
    assert judge_chain(model, codes, Rng(0)) is None
