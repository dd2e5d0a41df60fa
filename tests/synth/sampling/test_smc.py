"""Records under rare conditions are those of a free sample that meet them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from synth.chain.base import Records
from synth.chain.last_critic import fit_last_critic
from synth.encode.layout import one_hot, softmax_by_column
from synth.errors import ConditionWarning
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import RAREST, make_source, sample
from synth.sampling.smc import propose
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST

FREE = 1_000_000
DRAWN = 16_000
POOL = 200_000


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    """`side`, `group` and the target `paid` hang together; all of them are drawn after the generator."""
    r = np.random.default_rng(0)
    x = r.integers(0, 100, 4000)
    side = np.where(r.random(4000) < x / 100, "left", "right")
    often = np.where((x >= 50) & (side == "right"), 0.3, 0.02)
    group = np.where(r.random(4000) < often, "in", "out")
    paid = np.where(r.random(4000) < np.where((group == "in") & (x < 75), 0.8, 0.05), "yes", "no")
    kinds = {"x": ColumnKind.NUMERICAL}
    roles = {"paid": ColumnRole.TARGET}
    columns = [
        ColumnSpec(name=name, kind=kinds.get(name, ColumnKind.CATEGORICAL), role=roles.get(name, ColumnRole.FEATURE))
        for name in ("x", "side", "group", "paid")
    ]
    table = pd.DataFrame({"x": x, "side": side, "group": group, "paid": paid})
    return fit(table, TableSchema(columns=tuple(columns)), FAST.with_(steps=150), Rng(0))


@pytest.fixture(scope="module")
def free(model: TrainedModel) -> pd.DataFrame:
    return sample(model, FREE, Rng(1))


@pytest.mark.filterwarnings("ignore::synth.errors.ConditionWarning")
@pytest.mark.parametrize(
    "wanted",
    [
        {"x": Range(60, 62)},
        {"x": Range(10, 12), "side": "left"},
        {"x": Range(60, 74), "group": "in", "side": "right"},
        {"x": Range(60, 74), "paid": "yes", "side": "right"},
        {"x": Range(20, 21), "paid": "yes"},
    ],
)
def test_the_rest_of_a_record_is_as_in_a_free_sample(
    model: TrainedModel, free: pd.DataFrame, wanted: dict[str, str | Range]
) -> None:
    meets = np.ones(len(free), dtype=bool)
    for name, one in wanted.items():
        inside = free[name].between(one.low, one.high) if isinstance(one, Range) else free[name] == one
        meets &= inside.to_numpy()
    kept = free[meets]
    assert 100 < len(kept) < RAREST * len(free), "so rare that records are not simply kept"
    drawn = sample(model, DRAWN, Rng(2), conditions=wanted)
    # several records come from one candidate, and are worth fewer independent ones
    error = 5 * np.sqrt(0.25 / len(kept) + 0.25 / (DRAWN / 2))
    for name, value in (("side", "left"), ("group", "in"), ("paid", "yes")):
        assert (drawn[name] == value).mean() == pytest.approx((kept[name] == value).mean(), abs=error), name
    for cut in (11, 20, 60, 61, 70):
        assert (drawn["x"] > cut).mean() == pytest.approx((kept["x"] > cut).mean(), abs=error), cut


@pytest.fixture(scope="module")
def judged(model: TrainedModel) -> TrainedModel:
    """The same with a last critic that finds `paid` "yes" likelier on the left, and "no" on the right."""
    source = make_source(model, 0, Rng(0), None)
    codes = torch.from_numpy(source.records(40_000, torch.Generator().manual_seed(0))[0]).long()
    book = source.request.book
    ranks = Records.of(codes, book).ranks[:-1].T.numpy().astype(np.float32)
    alike = codes[:, 1] == codes[:, 3]
    wanted = np.random.default_rng(0).random(len(ranks)) < np.where(alike.numpy(), 0.8, 0.2)
    critic = fit_last_critic(ranks[wanted], ranks[~wanted], np.random.default_rng(0))
    assert critic is not None
    return replace(model, chain=replace(model.chain, critic=critic))


@pytest.mark.parametrize("wanted", [{"x": Range(60, 74), "group": "in"}, {"x": Range(20, 24), "paid": "yes"}])
def test_a_last_critic_chooses_among_records_under_conditions_as_among_free_ones(
    model: TrainedModel, judged: TrainedModel, wanted: dict[str, str | Range]
) -> None:
    free = sample(judged, 400_000, Rng(1))
    meets = np.ones(len(free), dtype=bool)
    for name, one in wanted.items():
        inside = free[name].between(one.low, one.high) if isinstance(one, Range) else free[name] == one
        meets &= inside.to_numpy()
    kept = free[meets]
    assert 1_000 < len(kept) < RAREST * len(free), "so rare that records are not simply kept"
    drawn, unjudged = (sample(one, DRAWN, Rng(2), conditions=wanted) for one in (judged, model))
    error = 5 * np.sqrt(0.25 / len(kept) + 0.25 / (DRAWN / 2))
    shares = [
        [(table["side"] == "left").mean(), (table["paid"] == "yes").mean(), (table["group"] == "in").mean()]
        for table in (kept, drawn, unjudged)
    ]
    assert shares[1] == pytest.approx(shares[0], abs=error)
    assert shares[2] != pytest.approx(shares[0], abs=error), "without the critic it is not so"


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


def test_weights_undo_what_the_generator_is_asked_for(model: TrainedModel) -> None:
    """Weighted, what it is guided to makes has the frequencies of what it makes unguided: `propose` alone, no trees."""
    strong = deepcopy(model.generator)
    strong.exit.weight.data *= 10
    asked = make_source(replace(model, generator=strong), 0, Rng(0), {"group": "in", "paid": "yes"}).request
    assert len(asked.later) == 2
    random = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        records, weights, probability = propose(asked, POOL, 100_000, random)
        noise, condition = torch.randn(POOL, strong.noise, generator=random), asked.frequencies.draw(POOL, random)
        free = softmax_by_column(strong(noise, condition), asked.book.layout).double().mean(0)
    assert probability == pytest.approx(1.0, abs=0.02)
    weight = torch.softmax(weights, 0)
    guided = one_hot(records.codes(), asked.book.layout).double()
    error = 5 * (0.25 * float((weight**2).sum()) + 0.25 / POOL) ** 0.5
    assert float((weight @ guided - free).abs().max()) < error
    assert float((guided.mean(0) - free).abs().max()) > 2 * error, "without the weights it is not so"


def test_what_nobody_has_is_met_with_a_warning(model: TrainedModel) -> None:
    with pytest.warns(ConditionWarning):
        drawn = sample(model, 300, Rng(3), conditions={"x": Range(0, 0), "side": "left", "group": "in", "paid": "yes"})
    assert (drawn == [0, "left", "in", "yes"]).all().all()
