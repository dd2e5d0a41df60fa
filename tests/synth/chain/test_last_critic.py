"""Records are kept by the odds of a critic that was grown on what the chain makes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from synth.chain.base import Codebook, Records
from synth.chain.chain import Chain
from synth.chain.last_critic import (
    PART,
    SPARE,
    LastCritic,
    chances,
    chosen,
    fit_last_critic,
    frequencies,
    made_for,
    raked,
)
from synth.encode.layout import make_layout
from synth.encode.ranking import Ranking
from synth.errors import ArtifactError
from synth.trees.arrays import Ranks

WIDTHS = [2, 2, 3]
LAYOUT = make_layout(WIDTHS, [], "cpu")
RANKING = Ranking(order=torch.arange(7), place=torch.arange(7))
MANY = 8_000


def records(n: int, *, apart: float, seed: int) -> Ranks:
    """The third column is 2 where the first two differ, in a share `apart` of the records, else it is by chance."""
    r = np.random.default_rng(seed)
    first, second, third = r.integers(2, size=n), r.integers(2, size=n), r.integers(3, size=n)
    third = np.where((r.random(n) < apart) & (first != second), 2, third)
    return np.stack([first, second, third], 1).astype(np.float32)


@pytest.fixture(scope="module")
def critic() -> LastCritic:
    real, made = records(MANY, apart=0.8, seed=0), records(MANY, apart=0.0, seed=1)
    found = fit_last_critic(real, made, np.random.default_rng(0))
    assert found is not None
    return found


def book_of(real: Ranks) -> Codebook:
    codes = torch.from_numpy(real).long() + LAYOUT.starts
    counts = torch.bincount(codes.flatten(), minlength=LAYOUT.codes)
    none = torch.zeros(LAYOUT.codes, dtype=torch.bool)
    return Codebook(layout=LAYOUT, ranking=RANKING, group=torch.arange(LAYOUT.codes), counts=counts, pieces=none)


def share(ranks: Tensor) -> float:
    """Of the records whose first two columns differ, how many have a 2."""
    apart = ranks[:, 0] != ranks[:, 1]
    return float((ranks[apart, 2] == 2).float().mean())


def test_what_no_link_knew_is_nearer_to_the_table_afterwards(critic: LastCritic) -> None:
    real, made = records(MANY, apart=0.8, seed=2), records(SPARE * MANY, apart=0.0, seed=3)
    some = Records.of(torch.from_numpy(made).long(), book_of(real))
    kept = critic.keep(some, MANY, torch.Generator().manual_seed(0))[0].codes()
    assert len(kept) == MANY
    wanted, before, after = (share(torch.as_tensor(each)) for each in (real, made, kept))
    assert abs(after - wanted) < 0.4 * abs(before - wanted)
    own, there = (torch.bincount(torch.as_tensor(each)[:, 0].long()) / MANY for each in (kept, real))
    assert float((own - there).abs().max()) < 0.02


def test_few_records_are_chosen_as_many_are(critic: LastCritic) -> None:
    book = book_of(records(MANY, apart=0.8, seed=2))
    r = np.random.default_rng(0)
    # the first code of the first column is rare
    made = records(made_for(1), apart=0.0, seed=3)
    made[:, 0] = r.random(len(made)) < 0.95
    book.counts[:2] = torch.tensor([MANY // 20, MANY - MANY // 20])
    kept = [
        critic.keep(Records.of(torch.from_numpy(made).long(), book), n, torch.Generator().manual_seed(seed))[0].codes()
        for n, seeds in ((3, 100), (300, 1))
        for seed in range(seeds)
    ]
    few, many = torch.cat(kept[:-1]), kept[-1]
    assert len(few) == len(many) == 300
    for column, width in enumerate(WIDTHS):
        shares = [torch.bincount(each[:, column].long(), minlength=width) / 300 for each in (few, many)]
        assert float((shares[0] - shares[1]).abs().max()) < 0.1


def test_no_critic_where_records_cannot_be_told_apart() -> None:
    same = (records(MANY, apart=0.5, seed=seed) for seed in (4, 5))
    assert fit_last_critic(*same, np.random.default_rng(0)) is None
    constant = np.zeros((MANY, 3), dtype=np.float32)
    assert fit_last_critic(constant, constant, np.random.default_rng(0)) is None


def test_records_are_chosen_as_often_as_their_odds_ask_for_and_once_at_most() -> None:
    odds = torch.cat([torch.full((600,), 0.5), torch.full((400,), 1.5)]).double()
    counted = torch.zeros(1_000)
    for seed in range(200):
        places = chosen(chances(odds, 300), 300, torch.Generator().manual_seed(seed))
        assert len(torch.unique(places)) == 300
        counted[places] += 1 / 200
    assert float(counted[600:].mean() / counted[:600].mean()) == pytest.approx(3, rel=0.05)
    steep = torch.ones(1_000).double()
    steep[0] = 1e6
    assert len(torch.unique(chosen(chances(steep, 900), 900, torch.Generator().manual_seed(0)))) == 900


def test_odds_keep_how_frequent_codes_are() -> None:
    real = records(MANY, apart=0.8, seed=0)
    book = book_of(real)
    made = Records.of(torch.from_numpy(records(MANY, apart=0.0, seed=1)).long(), book)
    wanted = frequencies(book)
    assert float(wanted.sum()) == pytest.approx(3)
    odds, _ = raked(torch.ones(MANY).double(), made.groups, wanted)
    have = torch.zeros(7).double().index_add_(0, made.groups.flatten(), odds.repeat_interleave(3)) / odds.sum()
    assert torch.allclose(have, wanted, atol=0.003)


def test_the_critic_is_part_of_a_model_file(critic: LastCritic) -> None:
    chain = Chain(critic=critic)
    tensors = chain.tensors()
    assert all(name.startswith(f"{PART}.") for name in tensors)
    again = Chain.from_tensors(dict(tensors), WIDTHS, 0)
    some = torch.from_numpy(records(100, apart=0.0, seed=7))
    assert again.critic is not None
    assert torch.equal(again.critic.trees.scores(some), critic.trees.scores(some))
    assert Chain.from_tensors({}, WIDTHS, 0).critic is None
    broken = {**tensors, f"{PART}.feature": tensors[f"{PART}.feature"] + 3}
    with pytest.raises(ArtifactError, match=PART):
        Chain.from_tensors(broken, WIDTHS, 0)
