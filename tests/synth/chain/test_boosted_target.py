"""The trees that draw the target learn how it depends on the others, and no leaf of them is about few records."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from synth.chain.base import Records, fold
from synth.chain.boosted_target import BoostedTarget, fit_target
from synth.chain.chain import Chain
from synth.encode.layout import make_layout
from synth.encode.ranking import Ranking
from synth.errors import ArtifactError
from synth.protection import LEAF_RECORDS
from synth.trees.arrays import Ranks
from synth.trees.boosted import DEPTH, Boosted

WIDTHS = [4, 5, 3]
LAYOUT = make_layout(WIDTHS, [], "cpu")
RANKING = Ranking(order=torch.arange(12), place=torch.arange(12))
TARGET = 2


def records(n: int, seed: int = 0) -> Ranks:
    """The third column is 2 where exactly one of the others is large, and else 0 or 1 by chance, 0 in three of four."""
    r = np.random.default_rng(seed)
    first, second = r.integers(0, 4, n), r.integers(0, 5, n)
    apart = (first >= 2) != (second >= 3)
    return np.stack([first, second, np.where(apart, 2, r.random(n) < 0.25)], 1).astype(np.float32)


def trees(n: int = 4000, seed: int = 0) -> BoostedTarget:
    found = fit_target(records(n), TARGET, WIDTHS, np.random.default_rng(seed))
    assert found is not None
    return found


def redrawn(target: BoostedTarget, codes: Tensor) -> Tensor:
    chain = Chain(target=target)
    book = chain.codebook(LAYOUT, RANKING, torch.ones(LAYOUT.codes), torch.zeros(LAYOUT.codes).bool())
    return fold(chain.links(book), Records.of(codes, book), torch.Generator().manual_seed(0))[0].codes()


def walked(trees: Boosted, ranks: Tensor) -> Tensor:
    """(B, T) the leaf of each record in each tree."""
    feature, left, right = trees.feature.long(), trees.left.long(), trees.right.long()
    node = torch.zeros(len(ranks), len(feature), dtype=torch.long)
    every = torch.arange(len(feature)).expand(len(ranks), -1)
    for _ in range(DEPTH):
        lower = ranks.gather(1, feature[every, node]) <= trees.cut[every, node]
        node = torch.where(lower, left[every, node], right[every, node])
    return node


def test_a_dependence_on_two_columns_together_is_learnt() -> None:
    table = torch.from_numpy(records(4000, seed=9))
    chances = trees().probabilities(table)
    assert torch.allclose(chances.sum(1), torch.ones(len(table)), atol=1e-5)
    apart = table[:, TARGET] == 2
    assert float(chances[apart, 2].min()) > 0.8
    assert float(chances[~apart, 2].max()) < 0.2
    assert abs(float(chances[~apart, 1].mean()) - 0.25) < 0.05


def test_the_target_is_drawn_anew_and_the_others_stay() -> None:
    codes = torch.from_numpy(records(4000, seed=9)).long()
    given = codes.clone()
    codes[:, TARGET] = 0
    drawn = redrawn(trees(), codes)
    assert torch.equal(drawn[:, :TARGET], given[:, :TARGET])
    assert float((drawn[:, TARGET] == given[:, TARGET]).float().mean()) > 0.75
    shares = [torch.bincount(t[:, TARGET], minlength=3) / len(t) for t in (drawn, given)]
    assert float((shares[0] - shares[1]).abs().max()) < 0.05


def test_every_leaf_is_about_many_records() -> None:
    learnt = trees()
    table = torch.from_numpy(records(4000))
    node = walked(learnt.trees, table)
    assert min(int(torch.unique(leaf, return_counts=True)[1].min()) for leaf in node.T) >= LEAF_RECORDS


def test_the_same_seed_gives_the_same_trees() -> None:
    one, other = trees().tensors(), trees().tensors()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("table", "widths"),
    [
        (records(150), WIDTHS),
        (records(4000)[:, [2]], [3]),
        (records(4000), [4, 5, 13]),
    ],
    ids=["too few records", "nothing to see", "too many codes"],
)
def test_a_target_that_cannot_be_drawn_by_trees_is_left_to_the_generator(table: Ranks, widths: list[int]) -> None:
    assert fit_target(table, table.shape[1] - 1, widths, np.random.default_rng(0)) is None


def test_a_code_that_one_record_has_is_next_to_never_drawn() -> None:
    """Nothing can be learnt of it, nor be said of it by records held out."""
    table = records(4000)
    table[table[:, TARGET] == 1, TARGET] = 0
    table[0, TARGET] = 1
    found = fit_target(table, TARGET, WIDTHS, np.random.default_rng(0))
    assert found is not None
    chances = found.probabilities(torch.from_numpy(table))
    assert 0 < float(chances[:, 1].max()) < 0.01
    apart = torch.from_numpy(table[:, TARGET] == 2)
    assert float(chances[apart, 2].min()) > 0.9


def test_a_target_of_one_code_but_for_one_record_is_left_to_the_generator() -> None:
    table = records(4000)
    table[:, TARGET] = 0
    table[0, TARGET] = 1
    assert fit_target(table, TARGET, WIDTHS, np.random.default_rng(0)) is None


def test_of_many_records_some_tell_how_many_rounds_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where so few of them are looked at that one code is not among them, it is learnt all the same."""
    monkeypatch.setattr("synth.chain.boosted_target.TRIED", 1000)
    monkeypatch.setattr("synth.chain.boosted_target.RECORDS_A_RATE", 20_000)
    table = records(4000)
    table[table[:, TARGET] == 1, TARGET] = 0
    table[:3, TARGET] = 1
    found = fit_target(table, TARGET, WIDTHS, np.random.default_rng(0))
    assert found is not None
    chances = found.probabilities(torch.from_numpy(table))
    assert float(chances[torch.from_numpy(table[:, TARGET] == 2), 2].min()) > 0.9


def test_what_depends_on_nothing_is_drawn_as_often_as_it_is() -> None:
    table = np.random.default_rng(0).integers(0, 3, (4000, 3)).astype(np.float32)
    found = fit_target(table, TARGET, [3, 3, 3], np.random.default_rng(0))
    if found is not None:
        chances = found.probabilities(torch.from_numpy(table))
        assert float((chances - 1 / 3).abs().max()) < 0.1


def test_what_was_written_is_read_back_and_what_was_changed_is_refused() -> None:
    tensors = trees().tensors()
    read = BoostedTarget.from_tensors(tensors, WIDTHS)
    assert all(torch.equal(value, tensors[name]) for name, value in read.tensors().items())
    spoilt = {
        "column": torch.tensor(3),
        "feature": tensors["feature"] + 3,
        "left": tensors["left"] + tensors["left"].shape[1],
        "value": tensors["value"] * torch.nan,
        "cut": tensors["cut"].double(),
        "prior": tensors["prior"][:2],
    }
    for name, value in spoilt.items():
        with pytest.raises(ArtifactError):
            BoostedTarget.from_tensors({**tensors, name: value}, WIDTHS)
    with pytest.raises(ArtifactError):
        BoostedTarget.from_tensors({n: v for n, v in tensors.items() if n != "cut"}, WIDTHS)
