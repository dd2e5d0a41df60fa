"""Columns that are missing in the same records stay missing in the same records, each as often as before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from synth.config import TrainConfig
from synth.infer import propose_schema
from synth.layout import draw_from_logits, make_layout, softmax_by_column
from synth.missing import Missing, absences, missing_together
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sample import sample
from synth.train import fit

RECORDS = 600


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    """Of flights: cancelled ones have neither delay nor carrier, others now and then no gate."""
    rng = np.random.default_rng(0)
    cancelled, gone = rng.random(RECORDS) < 0.2, rng.random(RECORDS) < 0.2
    frame = pd.DataFrame(
        {
            "month": rng.choice(["May", "June"], RECORDS),
            "delay": np.where(cancelled, np.nan, rng.normal(0, 10, RECORDS).round(1)),
            "carrier": np.where(cancelled | (rng.random(RECORDS) < 0.05), None, rng.choice(["A", "B"], RECORDS)),
            "gate": np.where(gone, None, rng.choice(["1a", "2b"], RECORDS)),
        }
    )
    settings = TrainConfig(steps=2, device="cpu", redraw=False, residual_trees=False)
    return fit(frame, propose_schema(frame), settings, Rng(1))


def test_columns_that_are_missing_together_are_a_group(model: TrainedModel) -> None:
    names = [column.name for column in model.encoder.learnt]
    found = missing_together(model, model.layout())
    assert [[names[i] for i in group] for group in found.groups] == [["delay", "carrier"]]


def test_they_are_missing_in_the_same_records(model: TrainedModel) -> None:
    made = sample(model, 4_000, Rng(2)).isna()
    assert 0 < made["delay"].mean() < made["carrier"].mean()
    assert not (made["delay"] & ~made["carrier"]).any()
    assert (made["delay"] & made["gate"]).mean() == pytest.approx(made["delay"].mean() * made["gate"].mean(), abs=0.03)


def test_each_column_is_missing_at_its_rate_and_else_drawn_as_before() -> None:
    layout, records = make_layout([3, 4], [], "cpu"), 200_000
    logits = torch.tensor([[0.5, 1.0, 0.2, 1.0, -1.0, 0.0, 0.4]])
    wanted = softmax_by_column(logits, layout)[0]
    rates = {0: float(wanted[2]), 1: float(wanted[6])}
    random = torch.Generator().manual_seed(0)
    many = logits.expand(records, -1)
    last = absences(Missing(groups=((0, 1),), rates=rates), many, layout, random)
    codes = draw_from_logits(many, layout, random, last)
    for column, begin in ((0, 0), (1, 3)):
        width = layout.sizes[column]
        shares = torch.bincount(codes[:, column], minlength=width) / records
        assert torch.allclose(shares, wanted[begin : begin + width], atol=0.005)
    absent = codes == torch.tensor([2, 3])
    assert absent.all(1).float().mean() == pytest.approx(float(absent.float().mean(0).min()), abs=1e-5)
    rest = codes[~absent.any(1)]
    independent = (rest[:, 0] == 0).float().mean() * (rest[:, 1] == 0).float().mean()
    assert ((rest[:, 0] == 0) & (rest[:, 1] == 0)).float().mean() == pytest.approx(float(independent), abs=0.005)
