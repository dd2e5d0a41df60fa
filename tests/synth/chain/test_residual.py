"""Residuals hang together as they do in the table, keep to what is asked, and a changed file is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from synth.artifact import load, save
from synth.chain.base import Allowed, Records
from synth.chain.chain import Chain
from synth.chain.residual import PARTS, SEEN, ResidualTrees, fit_residuals, seen, uniform_residuals
from synth.config import TrainConfig
from synth.encode.layout import make_layout
from synth.encode.numeric import NumericEncoder
from synth.encode.ranking import Ranking
from synth.errors import ArtifactError
from synth.model import TrainedModel
from synth.protection import LEAF_RECORDS
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.training.fit import fit
from synth.trees.arrays import Ranks, leaf_of

WIDTHS = [4, 3, 5]
LAYOUT = make_layout(WIDTHS, [0, 2], "cpu")
# the third column's codes are not in the order of their values
ORDER = torch.tensor([0, 1, 2, 3, 4, 5, 6, 8, 7, 11, 10, 9])
RANKING = Ranking(order=ORDER, place=torch.argsort(ORDER))
# of the first column all codes but the last, of the third all
PIECES = torch.tensor([1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1]).bool()


def records(n: int, seed: int) -> tuple[Ranks, np.ndarray]:
    """The first column's last rank is no piece; where the second is 0, the third lies where the first does."""
    r = np.random.default_rng(seed)
    ranks = np.stack([r.integers(0, 4, n), r.integers(0, 3, n), r.integers(0, 5, n)], 1).astype(np.float32)
    first = np.where(ranks[:, 0] == 3, np.nan, r.random(n))
    alike = (ranks[:, 1] == 0) & ~np.isnan(first)
    ranks[alike, 2] = ranks[alike, 0]
    return ranks, np.stack([first, np.where(alike, first, r.random(n))], 1)


def trees(n: int = 12_000) -> ResidualTrees:
    return fit_residuals(*records(n, 0), [0, 2], np.random.default_rng(1), progress=lambda _: None)


def codes_of(ranks: Ranks) -> Tensor:
    return RANKING.order[torch.from_numpy(ranks).long() + LAYOUT.starts] - LAYOUT.starts


def weighed(
    found: ResidualTrees, ranks: Ranks, allowed: dict[int, Allowed] | None = None
) -> tuple[np.ndarray, Tensor | None]:
    chain = Chain(residuals=found)
    book = chain.codebook(LAYOUT, RANKING, torch.ones(12), PIECES)
    records = Records.of(codes_of(ranks), book)
    (link,) = chain.links(book)
    weight = link.draw(records, allowed or {}, torch.Generator().manual_seed(3))
    return records.residuals.numpy(), weight


def drawn(found: ResidualTrees, ranks: Ranks, allowed: dict[int, Allowed] | None = None) -> np.ndarray:
    return weighed(found, ranks, allowed)[0]


def between(low: Tensor, high: Tensor) -> dict[int, Allowed]:
    """Ends of the third column's residuals."""
    return {2: Allowed(shares=torch.ones(len(low)).double(), low=low, high=high)}


def test_residuals_hang_together_where_they_do_in_the_table_and_nowhere_else() -> None:
    ranks, _ = records(8000, 5)
    residuals = drawn(trees(), ranks)
    piece, alike = ranks[:, 0] < 3, (ranks[:, 1] == 0) & (ranks[:, 0] == ranks[:, 2])
    assert np.corrcoef(residuals[piece & alike].T)[0, 1] > 0.9
    assert abs(np.corrcoef(residuals[piece & ~alike].T)[0, 1]) < 0.06
    assert abs(np.corrcoef(residuals[~piece].T)[0, 1]) < 0.1
    apart = np.histogram(residuals[piece, 0], 10, (-1, 1))[0] / piece.sum()
    assert np.abs(apart - 0.1).max() < 0.02, "over all records they stay uniform"


def test_without_trees_residuals_are_uniform() -> None:
    residuals = drawn(uniform_residuals(), records(8000, 5)[0])
    assert residuals.shape == (8000, 2)
    assert residuals.dtype == np.float32
    assert abs(np.corrcoef(residuals.T)[0, 1]) < 0.05
    assert np.abs(np.histogram(residuals, 10, (-1, 1))[0] / 16_000 - 0.1).max() < 0.015


def test_codes_that_are_no_pieces_have_uniform_residuals() -> None:
    """Of the first column no record lies in a piece, and then there are no records at all."""
    ranks, _ = records(6000, 5)
    ranks[:, 0] = 3
    residuals = drawn(trees(), ranks)
    assert np.abs(np.histogram(residuals[:, 0], 10, (-1, 1))[0] / 6000 - 0.1).max() < 0.02
    assert drawn(trees(), ranks[:0]).shape == (0, 2)


@pytest.mark.parametrize("found", [trees(), uniform_residuals()], ids=["trees", "none"])
def test_residuals_lie_between_the_ends_of_their_code(found: ResidualTrees) -> None:
    low, high = torch.tensor([-1.0, -0.5, 0.25, -1.0, 0.5]), torch.tensor([-0.9, 0.5, 0.25, 1.0, 1.0])
    ranks, _ = records(4000, 6)
    residuals, code = drawn(found, ranks, between(low, high))[:, 1], codes_of(ranks)[:, 2].numpy()
    assert (residuals >= low.numpy()[code]).all()
    assert (residuals <= high.numpy()[code]).all()


def test_every_leaf_is_about_many_records_and_tells_parts_only() -> None:
    ranks, inside = records(12_000, 0)
    ranks, inside = ranks[ranks[:, 0] < 3], inside[ranks[:, 0] < 3]
    found = fit_residuals(ranks, inside, [0, 2], np.random.default_rng(1), progress=lambda _: None)
    assert found.share.shape[1] == PARTS
    values = ranks.copy()
    for column, (place, roots) in zip((0, 2), enumerate(found.root), strict=True):
        for root in roots:
            leaf = leaf_of(found, torch.from_numpy(values.T.copy()), root.expand(len(ranks)))
            assert int(torch.unique(leaf, return_counts=True)[1].min()) >= LEAF_RECORDS
        values[:, column] += seen(torch.from_numpy(inside[:, place])).numpy()


def test_no_cut_is_between_two_persons_values() -> None:
    """A cut halfway between two residuals would be a fact about two people."""
    found = trees()
    assert torch.equal(found.cut * SEEN, (found.cut * SEEN).round())
    assert int(((found.cut % 1) * SEEN).unique().numel()) > 4, "but there are cuts inside of pieces"


def test_a_record_counts_by_how_likely_it_lies_between_the_ends() -> None:
    """Weighted, records drawn between the ends are those of free draws that lie there by themselves."""
    found, (ranks, _) = trees(), records(60_000, 8)
    ranks[:, 1], ranks[:, 2] = 0, ranks[:, 0]
    ranks = ranks[ranks[:, 0] == 1]
    ends = between(torch.full((5,), 0.3), torch.full((5,), 0.55))
    free = drawn(found, ranks)
    free = free[(free[:, 1] >= 0.3) & (free[:, 1] <= 0.55)]
    given, weight = weighed(found, ranks, ends)
    assert weight is not None
    share = torch.softmax(weight, 0).numpy()
    first = given[:, 0]
    assert free[:, 0].mean() == pytest.approx(float(share @ first), abs=0.02)
    assert abs(float(first.mean()) - free[:, 0].mean()) > 0.2, "without weights the first is anywhere"
    assert float(weight.exp().mean()) == pytest.approx(1.0, abs=0.05), "over all records residuals are uniform"


def test_a_column_with_few_values_in_pieces_has_no_trees() -> None:
    ranks, inside = records(4000, 0)
    inside[LEAF_RECORDS:, 0] = np.nan
    found = fit_residuals(ranks, inside, [0, 2], np.random.default_rng(0), progress=lambda _: None)
    assert found.place.tolist() == [1]
    inside[:] = np.nan
    assert not len(fit_residuals(ranks, inside, [0, 2], np.random.default_rng(0), progress=lambda _: None))


def test_the_same_seed_gives_the_same_trees_and_draws() -> None:
    first, second = trees(), trees()
    assert all(torch.equal(value, second.tensors()[name]) for name, value in first.tensors().items())
    ranks, _ = records(500, 2)
    assert (drawn(first, ranks) == drawn(second, ranks)).all()


def test_what_was_written_is_read_back() -> None:
    found = trees()
    again = ResidualTrees.from_tensors(found.tensors(), 3, 2)
    assert all(torch.equal(value, again.tensors()[name]) for name, value in found.tensors().items())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("place", torch.tensor(1)),
        ("place", torch.tensor([0, 0])),
        ("place", torch.tensor([0, 2])),
        ("place", torch.tensor([0, -1])),
        ("place", torch.tensor([0, 1]).float()),
        ("root", torch.tensor([0])),
        ("root", torch.zeros(2, 0, dtype=torch.int64)),
        ("root", torch.zeros(2, 10_000, dtype=torch.int64)),
        ("feature", torch.tensor([0])),
        ("cut", torch.tensor([0.5])),
        ("share", torch.ones(3, PARTS)),
        ("share", torch.tensor(1.0)),
        ("more", torch.tensor([1])),
    ],
)
def test_arrays_that_do_not_fit_one_another_are_refused(name: str, value: Tensor) -> None:
    with pytest.raises(ArtifactError):
        ResidualTrees.from_tensors(trees(2000).tensors() | {name: value}, 3, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("root", "feature", "left", "right") for value in (-1, 10**6)),
        *((name, value) for name in ("cut", "share") for value in (float("nan"), float("inf"))),
        ("share", -0.5),
    ],
)
def test_nodes_and_numbers_that_cannot_be_are_refused(name: str, value: float) -> None:
    tensors = trees(2000).tensors()
    changed = tensors[name].clone()
    changed.view(-1)[0] = value
    with pytest.raises(ArtifactError):
        ResidualTrees.from_tensors(tensors | {name: changed}, 3, 2)


def test_trees_that_lead_into_each_other_and_leaves_of_nobody_are_refused() -> None:
    tensors = trees(2000).tensors()
    with pytest.raises(ArtifactError, match="tree"):
        ResidualTrees.from_tensors(tensors | {"root": tensors["root"].flip(1)}, 3, 2)
    with pytest.raises(ArtifactError, match="shares"):
        ResidualTrees.from_tensors(tensors | {"share": torch.zeros_like(tensors["share"])}, 3, 2)


def bills(n: int, seed: int = 0) -> tuple[pd.DataFrame, TableSchema]:
    """One bill is much as the one before, whatever both are; the third is between 0 and 100 by chance."""
    r = np.random.default_rng(seed)
    first = r.lognormal(5, 1, n)
    frame = pd.DataFrame({"first": first, "second": first * r.normal(1, 0.02, n), "other": r.uniform(0, 100, n)})
    return frame, TableSchema(columns=tuple(ColumnSpec(name=n, kind=ColumnKind.NUMERICAL) for n in frame))


QUICK = TrainConfig(steps=150, batch=300, width=64, blocks=1, device="cpu")


def apart(table: pd.DataFrame) -> float:
    """By how much the two bills differ, in the middle of all records."""
    return float(np.median(np.abs(np.log(table["second"] / table["first"]))))


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return fit(*bills(6000), QUICK, Rng(0))


def blind(model: TrainedModel) -> TrainedModel:
    return replace(model, chain=replace(model.chain, residuals=uniform_residuals()))


def test_a_model_emits_values_that_are_closer_than_codes_are(model: TrainedModel, tmp_path: Path) -> None:
    found = sample(model, 4000, Rng(1))
    assert apart(found) < 0.6 * apart(sample(blind(model), 4000, Rng(1)))
    save(model, tmp_path)
    pd.testing.assert_frame_equal(sample(load(tmp_path), 4000, Rng(1)), found)


@pytest.mark.parametrize("asked", [Range(20, 200), Range(20, 21)], ids=["half", "few"])
def test_under_a_range_they_are_as_close_as_without_and_keep_to_it(model: TrainedModel, asked: Range) -> None:
    """The first range holds half of the records, the second so few that they are drawn in another way."""
    found = sample(model, 2000, Rng(1), conditions={"first": asked})
    assert found["first"].between(asked.low, asked.high).all()
    free = sample(model, 400_000, Rng(2))
    assert apart(found) == pytest.approx(apart(free[free["first"].between(asked.low, asked.high)]), rel=0.2)
    assert apart(found) < 0.6 * apart(sample(blind(model), 2000, Rng(1), conditions={"first": asked}))


def test_at_the_end_of_a_piece_records_are_those_of_a_free_sample(model: TrainedModel) -> None:
    """A range of a twentieth of a piece: what else a record has says whether it lies there."""
    encoder = model.encoder.encoders[0]
    assert isinstance(encoder, NumericEncoder)
    piece = encoder.pieces[8]
    asked = Range(piece.values[0], float(np.interp(0.05, piece.ranks, piece.values)))
    found = sample(model, 1500, Rng(1), conditions={"first": asked})
    free = sample(model, 1_000_000, Rng(2))
    free = free[free["first"].between(asked.low, asked.high)]
    assert len(free) > 500
    assert found["first"].between(asked.low, asked.high).all()
    for part in (0.1, 0.25, 0.5, 0.75, 0.9):
        cut = free["second"].quantile(part)
        assert (found["second"] < cut).mean() == pytest.approx(part, abs=0.1), part


def test_residuals_are_left_alone_where_the_settings_say_so() -> None:
    frame, schema = bills(1000)
    assert len(fit(frame, schema, QUICK, Rng(0)).chain.residuals)
    for off in ("redraw", "residual_trees"):
        assert not len(fit(frame, schema, QUICK.with_(**{off: False}), Rng(0)).chain.residuals)
