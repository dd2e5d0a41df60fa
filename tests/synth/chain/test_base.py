"""A link says how likely it draws what it draws, and under conditions the fold draws as if others were dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from synth.artifact import load
from synth.chain.base import Allowed, Codebook, Conditional, Records, fold, log_weight, resample
from synth.chain.chain import Chain
from synth.chain.dependency import NO_RULE, Dependency
from synth.chain.forest_column import forest_columns
from synth.chain.residual import ResidualLink
from synth.encode.layout import make_layout
from synth.encode.ranking import Ranking
from synth.model import TrainedModel
from tests.synth.chain.test_forest import book_of, codes_of, records, redraw
from tests.synth.chain.test_residual import LAYOUT, PIECES, RANKING, trees

SAVED = Path(__file__).parents[2] / "data" / "models" / "format-5"
TIMES = 4_000


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return load(SAVED)


def some_codes(model: TrainedModel, n: int) -> Tensor:
    layout, random = model.layout(), torch.Generator().manual_seed(1)
    parts = torch.split(model.counts.double(), list(layout.sizes))
    return torch.stack([torch.multinomial(part, n, replacement=True, generator=random) for part in parts], 1)


def check_frequencies(link: Conditional, codes: Tensor, book: Codebook) -> None:
    """Each of the (n, C) records is redrawn TIMES times, and each rank that it may have is asked for."""
    column = link.column
    assert column is not None
    width, count = book.layout.sizes[column], len(codes)
    drawn = Records.of(codes.repeat_interleave(TIMES, 0), book)
    link.draw(drawn, {}, torch.Generator().manual_seed(2))
    asked = Records.of(codes.repeat_interleave(width, 0), book)
    asked.put(column, torch.arange(width).repeat(count))
    before = asked.codes().clone()
    likely = link.log_prob(asked).exp().view(count, width)
    assert torch.equal(asked.codes(), before), "to be asked changes no record"
    assert torch.allclose(likely.sum(1), torch.ones(count).double(), atol=1e-4)
    found = torch.nn.functional.one_hot(drawn.ranks[column].view(count, TIMES), width).double().mean(1)
    assert bool((found[likely == 0] == 0).all())
    error = 5 * (likely * (1 - likely) / TIMES).sqrt() + 5 / TIMES
    assert bool(((found - likely).abs() < error).all())


def test_every_link_of_a_model_draws_as_often_as_it_says(model: TrainedModel) -> None:
    """Forests with and without predictions, and the target's trees."""
    book, codes = model.codebook(), some_codes(model, 6)
    links = [*forest_columns(model.chain.forest, book), model.chain.target]
    assert model.chain.forest.predictions
    for link in links:
        assert link is not None
        check_frequencies(link, codes, book)


def test_a_made_up_forest_draws_as_often_as_it_says() -> None:
    held = redraw((0, 1, 2))
    book = book_of(held.group)
    for link in forest_columns(held, book):
        check_frequencies(link, codes_of(records(6, seed=3)), book)


def test_a_dependency_is_certain_of_its_rule_and_of_what_has_none() -> None:
    layout = make_layout([3, 2], [], "cpu")
    # the second column's codes are ranked the other way round
    order = torch.tensor([0, 1, 2, 4, 3])
    book = Codebook(
        layout=layout,
        ranking=Ranking(order=order, place=torch.argsort(order)),
        group=torch.arange(5),
        counts=torch.ones(5).long(),
        pieces=torch.zeros(5).bool(),
    )
    link = Dependency(source=0, column=1, code=torch.tensor([1, 0, NO_RULE]))
    codes = torch.tensor([[0, 0], [0, 1], [1, 0], [2, 0], [2, 1]])
    found = Records.of(codes, book)
    assert link.log_prob(found).tolist() == [-torch.inf, 0, 0, 0, 0]
    link.draw(found, {}, torch.Generator())
    assert found.codes().tolist() == [[0, 1], [0, 1], [1, 0], [2, 0], [2, 1]]
    assert link.log_prob(found).tolist() == [0] * 5


def test_residuals_are_as_dense_as_their_link_says() -> None:
    """Two columns that hang together: how often both lie in given parts of their pieces."""
    times, parts = 100_000, 16
    book = Chain().codebook(LAYOUT, RANKING, torch.ones(12), PIECES)
    link = ResidualLink(trees=trees(6_000), columns=(0, 2))
    codes = torch.tensor([[1, 0, 0]])
    drawn = Records.of(codes.repeat(times, 1), book)
    link.draw(drawn, {}, torch.Generator().manual_seed(0))
    cell = ((drawn.residuals + 1) / 2 * parts).long().clamp_max(parts - 1)
    found = torch.bincount(cell[:, 0] * parts + cell[:, 1], minlength=parts**2).double() / times
    middles = (2 * torch.arange(parts) + 1) / parts - 1
    asked = Records.of(codes.repeat(parts**2, 1), book, torch.cartesian_prod(middles, middles))
    density = link.log_prob(asked).exp()
    assert float(density.mean()) == pytest.approx(1, abs=1e-6)
    assert float(density.max()) > 3, "they do hang together"
    assert bool(((density / parts**2 - found).abs() < 5 * (density / parts**2 / times).sqrt() + 5 / times).all())


@dataclass
class Coin:
    """A link that draws code 1 of column 0 more often the higher the code of column 1 is."""

    column: int = 0

    def likely(self, records: Records) -> Tensor:
        return (records.code(1).double() + 1) / 5

    def weighs(self, allowed: Mapping[int, Allowed]) -> bool:
        return self.column in allowed

    def draw(self, records: Records, allowed: Mapping[int, Allowed], random: torch.Generator) -> Tensor | None:
        likely = self.likely(records)
        if self.column in allowed:
            records.put(0, torch.ones(records.count).long())
            return log_weight(likely)
        records.put(0, (torch.rand(records.count, generator=random) < likely).long())
        return None

    def log_prob(self, records: Records) -> Tensor:
        return torch.where(records.code(0) == 1, self.likely(records), 1 - self.likely(records)).log()


def test_the_fold_draws_under_a_condition_as_if_records_that_do_not_meet_it_were_dropped() -> None:
    order = torch.arange(6)
    book = Codebook(
        layout=make_layout([2, 4], [], "cpu"),
        ranking=Ranking(order=order, place=order),
        group=order,
        counts=torch.ones(6).long(),
        pieces=torch.zeros(6).bool(),
    )
    random = torch.Generator().manual_seed(0)
    codes = torch.stack([torch.zeros(40_000).long(), torch.randint(4, (40_000,), generator=random)], 1)
    free, certain = fold([Coin()], Records.of(codes, book), random)
    kept = free.codes()[free.codes()[:, 0] == 1]
    ends = torch.ones(2)
    wanted = {0: Allowed(shares=torch.tensor([0.0, 1.0]).double(), low=-ends, high=ends)}
    some, chance = fold([Coin()], Records.of(codes, book), random, allowed=wanted, keep=5_000)
    assert certain == 1
    assert chance == pytest.approx(len(kept) / len(codes), abs=0.01)
    assert some.codes().shape == (5_000, 2)
    assert bool((some.codes()[:, 0] == 1).all())
    shares = [torch.bincount(each[:, 1], minlength=4) / len(each) for each in (some.codes(), kept)]
    assert float((shares[0] - shares[1]).abs().max()) < 0.03


def test_a_judge_of_whole_records_weighs_them_beside_the_condition_and_not_the_probability() -> None:
    order = torch.arange(6)
    book = Codebook(
        layout=make_layout([2, 4], [], "cpu"),
        ranking=Ranking(order=order, place=order),
        group=order,
        counts=torch.ones(6).long(),
        pieces=torch.zeros(6).bool(),
    )
    which = torch.randint(2, (40_000,), generator=torch.Generator().manual_seed(1))
    codes = torch.stack([torch.zeros_like(which), 1 + 2 * which], 1)
    ends = torch.ones(2)
    wanted = {0: Allowed(shares=torch.tensor([0.0, 1.0]).double(), low=-ends, high=ends)}
    found = {}
    for name, odds in {"none": None, "three times": 3.0}.items():
        random = torch.Generator().manual_seed(0)

        def judge(records: Records, odds: float | None = odds) -> torch.Tensor:
            assert bool((records.code(0) == 1).all()), "all columns are drawn before"
            return torch.where(records.code(1) == 3, float(odds or 1), 1.0).double().log()

        asked = None if odds is None else judge
        some, chance = fold([Coin()], Records.of(codes, book), random, allowed=wanted, keep=8_000, judge=asked)
        found[name] = (float((some.code(1) == 3).double().mean()), chance)
    share, chance = found["none"]
    judged, with_judge = found["three times"]
    assert judged / (1 - judged) == pytest.approx(3 * share / (1 - share), rel=0.05)
    assert with_judge == pytest.approx(chance)


def test_records_are_resampled_by_their_weights() -> None:
    chosen = resample(torch.tensor([0.0, 0.0, -torch.inf, 0.7]).double(), 1000, torch.Generator().manual_seed(0))
    share = torch.softmax(torch.tensor([0.0, 0.0, -torch.inf, 0.7]), 0)
    assert ((torch.bincount(chosen, minlength=4) - 1000 * share).abs() <= 1).all()
