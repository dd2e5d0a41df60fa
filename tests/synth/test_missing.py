"""Columns that are missing in the same records stay missing in the same records, each as often as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from synth.artifact import load, save
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.encode.fit_encoder import fit_encoder
from synth.encode.layout import draw_from_logits, make_layout, softmax_by_column
from synth.missing import Missing, absences, absent_with, missing_together
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.training.fit import fit

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
    names = [column.name for column in model.encoder.encoders]
    found = missing_together(model, model.layout())
    assert [[names[i] for i in group] for group in found.groups] == [["delay", "carrier"]]


def test_they_are_a_group_where_several_records_are_about_a_person(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    gone = rng.random(RECORDS) < 0.2
    frame = pd.DataFrame({"person": [f"p{i // 3}" for i in range(RECORDS)], "b": rng.choice(["x", "y"], RECORDS)})
    for name in ("start", "end"):
        frame[name] = np.where(gone, np.nan, rng.normal(0, 10, RECORDS).round(1))
    schema = propose_schema(frame).with_roles(person="person")
    settings = TrainConfig(steps=2, device="cpu", redraw=False, residual_trees=False)
    learnt = fit(frame, schema, settings, Rng(1))
    assert learnt.sequences is not None
    save(learnt, tmp_path)
    made = sample(load(tmp_path), 2_000, Rng(2))
    assert (made["start"].isna() == made["end"].isna()).all()
    assert 0.1 < made["end"].isna().mean() < 0.3


def test_columns_that_write_na_are_a_group_and_lack_it_in_the_same_records() -> None:
    rng = np.random.default_rng(0)
    gone = rng.random(RECORDS) < 0.2
    frame = pd.DataFrame({"day": rng.choice(["Mo", "Tu"], RECORDS)})
    frame["delay"] = np.where(gone, "NA", rng.normal(0, 10, RECORDS).round(1).astype(str))
    frame["plane"] = np.where(gone, "NA", rng.choice(["N1", "N2", "ZZ"], RECORDS))
    settings = TrainConfig(steps=2, device="cpu")
    made = sample(fit(frame, propose_schema(frame), settings, Rng(1)), 2_000, Rng(2))
    assert ((made["delay"] == "NA") == (made["plane"] == "NA")).all()
    assert 0.1 < (made["plane"] == "NA").mean() < 0.3
    assert set(made["plane"]) == {"NA", "N1", "N2", "ZZ"}


@pytest.mark.parametrize(("alone", "grouped"), [(4, True), (5, False)])
def test_a_few_records_that_miss_one_of_them_alone_part_no_group(alone: int, grouped: bool) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0] * 100, "b": ["x", "y"] * 100})
    frame.loc[:59, ["a", "b"]] = None
    frame.loc[60 : 59 + alone, "a"] = None
    schema = propose_schema(frame)
    encoder = fit_encoder(frame, schema, TrainConfig(device="cpu"), Rng(1))
    codes = torch.from_numpy(encoder.encode(frame, Rng(2)).codes)
    assert absent_with(codes, encoder.encoders, 5).tolist() == [[True, grouped], [True, True]]


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
    last = absences(Missing(groups=((0, 1),), rates=rates, codes={0: 2, 1: 3}), many, layout, random)
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
