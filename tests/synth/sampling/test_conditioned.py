"""Records under rare conditions meet them, and follow the law that the other columns have given them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from synth.conditions import met
from synth.encode.layout import draw_codes, one_hot, softmax_by_column
from synth.encode.presence import meets
from synth.errors import ConditionWarning
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.conditioned import propose
from synth.sampling.sample import RAREST, make_source, sample
from synth.table.ranges import AnyOf, Condition, Range
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST

FREE = 100_000
DRAWN = 8_000
POOL = 200_000


def law(n: int, seed: int) -> pd.DataFrame:
    """`side`, `group` and the target `paid` hang together."""
    r = np.random.default_rng(seed)
    x = r.integers(0, 100, n)
    side = np.where(r.random(n) < x / 100, "left", "right")
    often = np.where((x >= 50) & (side == "right"), 0.3, 0.02)
    group = np.where(r.random(n) < often, "in", "out")
    paid = np.where(r.random(n) < np.where((group == "in") & (x < 75), 0.8, 0.05), "yes", "no")
    return pd.DataFrame({"x": x, "side": side, "group": group, "paid": paid})


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    """All of the columns but `x` are drawn after the generator."""
    kinds = {"x": ColumnKind.NUMERICAL}
    roles = {"paid": ColumnRole.TARGET}
    columns = [
        ColumnSpec(name=name, kind=kinds.get(name, ColumnKind.CATEGORICAL), role=roles.get(name, ColumnRole.FEATURE))
        for name in ("x", "side", "group", "paid")
    ]
    return fit(law(4000, 0), TableSchema(columns=tuple(columns)), FAST.with_(steps=150), Rng(0))


@pytest.fixture(scope="module")
def free(model: TrainedModel) -> pd.DataFrame:
    return sample(model, FREE, Rng(1))


def meeting(table: pd.DataFrame, wanted: Mapping[str, Condition]) -> pd.DataFrame:
    return table[np.all([meets(table[name], one) for name, one in wanted.items()], axis=0)]


@pytest.mark.filterwarnings("ignore::synth.errors.ConditionWarning")
@pytest.mark.parametrize(
    "wanted",
    [
        {"x": Range(60, 62)},
        {"x": Range(10, 12), "side": "left"},
        {"x": Range(60, 74), "group": "in", "side": "right"},
        {"x": Range(60, 74), "paid": "yes", "side": AnyOf(("right", "left"))},
        {"x": Range(20, 21), "paid": "yes"},
    ],
)
def test_the_rest_of_a_record_is_as_near_to_the_law_as_in_a_free_sample(
    model: TrainedModel, free: pd.DataFrame, wanted: dict[str, Condition]
) -> None:
    """The law is that of the records learnt, given the conditions; the free sample's records that meet them."""
    real, kept = meeting(law(1_000_000, 1), wanted), meeting(free, wanted)
    assert 100 < len(kept) < RAREST * len(free), "so rare that records are not simply kept"
    drawn = sample(model, DRAWN, Rng(2), conditions=wanted)
    assert len(meeting(drawn, wanted)) == DRAWN
    # several records come from one noise, and are worth fewer independent ones
    error = 5 * np.sqrt(0.25 / len(kept) + 0.25 / (DRAWN / 2))
    shares = [
        *(lambda t, n=name, v=value: (t[n] == v).mean() for name, value in (("side", "left"), ("group", "in"))),
        lambda t: (t["paid"] == "yes").mean(),
        *(lambda t, c=cut: (t["x"] > c).mean() for cut in (11, 20, 60, 61, 70)),
    ]
    for share in shares:
        assert abs(share(drawn) - share(real)) < abs(share(kept) - share(real)) + error


@pytest.mark.parametrize("width", [1e-2, 1e-5])
def test_a_narrow_range_is_no_other_than_a_wide_one(width: float) -> None:
    """How little of a piece is asked for says nothing about the other columns."""
    r = np.random.default_rng(0)
    height = r.uniform(0, 100, 3000)
    table = pd.DataFrame({"side": np.where(r.random(3000) < height / 100, "left", "right"), "height": height})
    spec = TableSchema(
        columns=(
            ColumnSpec(name="side", kind=ColumnKind.CATEGORICAL),
            ColumnSpec(name="height", kind=ColumnKind.NUMERICAL),
        )
    )
    trained = fit(table, spec, FAST.with_(steps=20), Rng(0))
    assert trained.chain.forest.column.tolist() == [0, 1]
    high = sample(trained, 4000, Rng(1), conditions={"height": Range(90, 90 + width)})
    low = sample(trained, 4000, Rng(1), conditions={"height": Range(10, 10 + width)})
    assert (high["side"] == "left").mean() > 0.8
    assert (low["side"] == "left").mean() < 0.2


def test_noises_are_chosen_by_how_likely_they_make_what_is_asked_for(model: TrainedModel) -> None:
    """The generator's records under conditions have the frequencies of its free ones that meet them: no trees."""
    strong = deepcopy(model.generator)
    strong.exit.weight.data *= 3
    asked = make_source(replace(model, generator=strong), 0, Rng(0), {"group": "in", "paid": "yes"}).request
    random = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        codes, probability = propose(asked, 20_000, random)
        noise, condition = torch.randn(POOL, strong.noise, generator=random), asked.frequencies.draw(POOL, random)
        free = draw_codes(softmax_by_column(strong(noise, condition), asked.book.layout), asked.book.layout, random)
    residuals = torch.zeros(POOL, len(asked.book.layout.residual_columns))
    kept = free[met(free, residuals, asked.allowed, asked.book.layout)]
    assert probability == pytest.approx(len(kept) / POOL, rel=0.15)
    shares = [one_hot(each, asked.book.layout).double().mean(0) for each in (codes, kept)]
    # several records come from one noise, and are worth fewer independent ones
    assert float((shares[0] - shares[1]).abs().max()) < 5 * (0.25 / len(kept) + 0.25 / 1000) ** 0.5


def test_what_nobody_has_is_met_with_a_warning(model: TrainedModel) -> None:
    with pytest.warns(ConditionWarning):
        drawn = sample(model, 300, Rng(3), conditions={"x": Range(0, 0), "side": "left", "group": "in", "paid": "yes"})
    assert (drawn == [0, "left", "in", "yes"]).all().all()
