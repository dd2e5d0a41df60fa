"""The adversarial loss is what its formula says, and only leaves about many records are matched."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import torch

from synth.config import TrainConfig
from synth.encode.layout import make_layout
from synth.encode.ranking import Ranking, rank_codes
from synth.encode.table_encoder import fit_encoder
from synth.gan.leaf_loss import Leaves, add_boxes, leaf_loss, measure, no_leaves
from synth.gan.table_loss import EPSILON
from synth.protection import LEAF_RECORDS
from synth.randomness import Rng
from synth.trees.critic import DEPTH, Boxes
from tests.synth.tables_about_people import people, schema

LAYOUT = make_layout([3, 2, 4], [], "cpu")
CPU = torch.device("cpu")


def boxes(*wanted: dict[int, tuple[int, int]]) -> Boxes:
    column = np.full((len(wanted), DEPTH), -1, dtype=np.int64)
    low, high = np.zeros_like(column), np.zeros_like(column)
    for number, box in enumerate(wanted):
        for place, (one, ends) in enumerate(box.items()):
            column[number, place], (low[number, place], high[number, place]) = one, ends
    return Boxes(column=column, low=low, high=high)


WANTED: tuple[dict[int, tuple[int, int]], ...] = (
    {0: (0, 1)},
    {0: (1, 2), 1: (1, 1)},
    {2: (1, 2), 0: (0, 0), 1: (0, 1)},
    {2: (3, 3)},
)
# inside the third column, codes by rank are 2, 0, 3, 1
ORDER = torch.tensor([0, 1, 2, 3, 4, 7, 5, 8, 6])
RANKING = Ranking(order=ORDER, place=torch.argsort(ORDER))


def logits(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, LAYOUT.codes, generator=torch.Generator().manual_seed(seed)).double()


def chances_of(scores: torch.Tensor) -> torch.Tensor:
    """(n, D) the softmax of each column."""
    return torch.cat([torch.softmax(part, 1) for part in scores.split(LAYOUT.widths.tolist(), 1)], 1)


def filled(chances: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(K,) shares of the leaves by summing over all records that the columns can make up."""
    total = torch.zeros(len(WANTED), dtype=torch.float64)
    starts = LAYOUT.starts.tolist()
    for ranks in itertools.product(range(3), range(2), range(4)):
        flat = [int(ORDER[start + rank]) for start, rank in zip(starts, ranks, strict=True)]
        chance = chances[:, flat].prod(1) @ (weights / weights.sum())
        for number, box in enumerate(WANTED):
            total[number] += chance * all(low <= ranks[c] <= high for c, (low, high) in box.items())
    return total


def leaves(real: torch.Tensor, running: torch.Tensor) -> Leaves:
    grown = add_boxes(no_leaves(CPU), boxes(*WANTED), LAYOUT)
    return Leaves(low=grown.low, high=grown.high, real=real.double(), running=running.double())


REAL = torch.tensor([0.5, 0.2, 0.1, 0.4])


def test_shares_and_loss_are_those_of_all_records_summed_up() -> None:
    chances, weights = chances_of(logits(7)), torch.rand(7, generator=torch.Generator().manual_seed(1)).double() + 0.1
    own = filled(chances, weights)
    loss, updated = leaf_loss(chances, weights, leaves(REAL, torch.zeros(4)), RANKING, LAYOUT)
    assert torch.allclose(updated.running, 0.1 * own)
    expected = ((0.1 * own - REAL) / (REAL + EPSILON) * own).sum() / LAYOUT.columns
    assert torch.isclose(loss, expected)


def test_the_gradient_is_that_of_the_squared_error() -> None:
    """Where the running shares are the batch's own, as they are on average."""
    scores, weights = logits(5).requires_grad_(), torch.ones(5, dtype=torch.float64)
    own = filled(chances_of(scores.detach()), weights)
    loss, _ = leaf_loss(chances_of(scores), weights, leaves(REAL, own), RANKING, LAYOUT)
    loss.backward()
    assert scores.grad is not None

    def error(moved: torch.Tensor) -> float:
        return float(((filled(chances_of(moved), weights) - REAL) ** 2 / (REAL + EPSILON)).sum() / 2 / LAYOUT.columns)

    step = 1e-6
    for row, code in itertools.product(range(5), range(LAYOUT.codes)):
        up, down = scores.detach().clone(), scores.detach().clone()
        up[row, code] += step
        down[row, code] -= step
        assert abs(float(scores.grad[row, code]) - (error(up) - error(down)) / (2 * step)) < 1e-6


def test_measured_shares_are_counts_and_small_leaves_are_dropped() -> None:
    r = np.random.default_rng(0)
    records, made = (torch.from_numpy(np.stack([r.integers(0, w, 400) for w in (3, 2, 4)], 1)) for _ in range(2))
    records[:, 2] = 0
    records[: LEAF_RECORDS - 1, 2] = 3
    places, made_places = records + LAYOUT.starts, made + LAYOUT.starts
    grown = add_boxes(no_leaves(CPU), boxes(*WANTED), LAYOUT)
    found = measure(grown, places, made_places, LAYOUT, 10)
    assert len(found) == 2, "the third leaf has no real record, the last one fewer than are needed"
    shares = {round(float(s), 6) for s in found.real}
    assert shares == {
        round(float((records[:, 0] <= 1).double().mean()), 6),
        round(float(((records[:, 0] >= 1) & (records[:, 1] == 1)).double().mean()), 6),
    }
    records[LEAF_RECORDS - 1, 2] = 3
    assert len(measure(grown, records + LAYOUT.starts, made_places, LAYOUT, 10)) == 3


def test_the_leaves_that_differ_most_are_kept() -> None:
    real = torch.zeros(1000, 3, dtype=torch.long)
    made = real.clone()
    real[:600, 0], made[:100, 0] = 1, 1
    real[:500, 1], made[:450, 1] = 1, 1
    grown = add_boxes(no_leaves(CPU), boxes({1: (1, 1)}, {0: (1, 1)}), LAYOUT)
    found = measure(grown, real + LAYOUT.starts, made + LAYOUT.starts, LAYOUT, 1)
    assert float(found.real) == np.float32(0.6)
    assert float(found.running) == np.float32(0.1)


def test_ranks_order_quantities_by_value_and_put_what_is_missing_last() -> None:
    table = people(900)
    table["joined"] = table["joined"].mask(np.arange(900) % 10 == 0)
    encoder = fit_encoder(table, schema(), TrainConfig(device="cpu"), Rng(0))
    counts = np.concatenate(
        [
            np.bincount(c, minlength=w)
            for c, w in zip(encoder.encode(table, Rng(1)).codes.T, encoder.widths, strict=True)
        ]
    )
    ranking = rank_codes(encoder.encoders, counts, {}, "cpu")
    assert torch.equal(ranking.order[ranking.place], torch.arange(len(counts)))
    for start, column in zip(encoder.starts, encoder.encoders, strict=True):
        order = ranking.order[start : start + column.width].numpy() - start
        assert sorted(order) == list(range(column.width)), "codes stay within their column"
        values = column.decode(order.astype(np.int32), np.zeros(len(order), np.float32), np.random.default_rng(0))
        if column.name in ("city", "sex", "flag"):
            assert (np.diff(counts[start + order]) <= 0).all(), "from frequent to rare"
            continue
        assert values.dropna().is_monotonic_increasing
        gap = bool(table[column.name].isna().any())
        assert list(values.isna()) == [False] * (len(values) - gap) + [True] * gap
    assert isinstance(values, pd.Series)
