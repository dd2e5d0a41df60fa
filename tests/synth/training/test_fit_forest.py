"""Columns that are drawn anew hang together as the table's do, alone and in pairs, and nobody else's are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import synth.training.fit_forest
from synth.chain.base import Codebook, Records, fold
from synth.chain.column_trees import fit_trees
from synth.chain.forest import Forest, sizes_of
from synth.chain.forest_column import forest_columns
from synth.chain.raking import make_groups
from synth.config import TrainConfig
from synth.encode.layout import Layout, make_layout
from synth.encode.ranking import Ranking
from synth.protection import FOREST_RECORDS
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from synth.training.fit_forest import GrownForest, ranks_of_codes, weigh
from synth.trees.arrays import Ranks
from tests.synth.chain.test_column_trees import adding_up, records
from tests.synth.tables_about_people import FAST

WIDTHS = [30, 30, 5, 4]
LAYOUT = make_layout(WIDTHS, [], "cpu")
RANKING = Ranking(order=torch.arange(69), place=torch.arange(69))


def apart(n: int, seed: int) -> Ranks:
    """The same, but that every column is drawn by itself."""
    r = np.random.default_rng(seed)
    return np.stack([r.permutation(column) for column in records(n, seed).T], 1)


def book_of(real: Ranks, layout: Layout, ranking: Ranking) -> Codebook:
    group = make_groups(real, [np.arange(float(width)) for width in layout.sizes], [])
    none = torch.zeros(layout.codes, dtype=torch.int64)
    return Codebook(layout=layout, ranking=ranking, group=group, counts=none + 1, pieces=none.bool())


def redrawn(found: Forest, codes: Tensor, book: Codebook, random: torch.Generator) -> Tensor:
    return fold(forest_columns(found, book), Records.of(codes, book), random)[0].codes()


def grown_on(real: Ranks, columns: Sequence[int]) -> GrownForest:
    r = np.random.default_rng(0)
    return GrownForest(
        book=book_of(real, LAYOUT, RANKING),
        real=real,
        columns=tuple(fit_trees(real, real, column, WIDTHS[column], r) for column in columns),
    )


def learnt(real: Ranks, made: Ranks, columns: Sequence[int] = range(4)) -> Forest:
    random = torch.Generator().manual_seed(0)
    return weigh(grown_on(real, columns), torch.from_numpy(made).long(), random, lambda _: None)


def drawn_by(found: Forest, made: Ranks) -> Ranks:
    book = replace(book_of(made, LAYOUT, RANKING), group=found.group)
    codes = redrawn(found, torch.from_numpy(made).long(), book, torch.Generator().manual_seed(0))
    return ranks_of_codes(codes, RANKING, LAYOUT)


def test_columns_that_hang_together_do_so_again() -> None:
    real = records(5000, 0)
    drawn = drawn_by(learnt(real, apart(5000, 1)), apart(5000, 2))
    together = (np.abs(drawn[:, 0] - drawn[:, 1]) <= 1).mean()
    assert together > 0.9 > (np.abs(apart(5000, 2)[:, 0] - apart(5000, 2)[:, 1]) <= 1).mean() + 0.5


def test_what_others_add_up_to_is_drawn_so_with_predictions_only() -> None:
    widths = [10] * 5 + [46]
    layout, places = make_layout(widths, [], "cpu"), torch.arange(sum(widths))
    ranking, real, made = Ranking(order=places, place=places), adding_up(5000, 0), adding_up(5000, 1)
    made[:, 5] = np.random.default_rng(2).permutation(made[:, 5])
    missed = []
    for predicted in (True, False):
        grown = GrownForest(
            book=book_of(real, layout, ranking),
            real=real,
            columns=(fit_trees(real, real, 5, 46, np.random.default_rng(0), predicted=predicted),),
        )
        random, codes = torch.Generator().manual_seed(0), torch.from_numpy(made).long()
        drawn = redrawn(weigh(grown, codes, random, lambda _: None), codes, grown.book, random)
        missed.append(float((drawn[:, 5] - drawn[:, :5].sum(1)).double().square().mean()))
    assert missed[0] < missed[1] / 2


def test_what_is_drawn_as_the_table_is_stays_so() -> None:
    real, made = records(20_000, 0), records(20_000, 7)
    drawn = drawn_by(learnt(real, made), records(20_000, 8))
    for one, other in ((0, 2), (1, 3), (2, 3)):
        wanted, got = (np.bincount((t[:, one] * 30 + t[:, other]).astype(int), minlength=900) for t in (real, drawn))
        assert 0.5 * np.abs(wanted - got).sum() / 20_000 < 0.06, "the pairs of two samples differ by as much"


def test_pairs_with_the_columns_of_the_closest_ties_are_weighted_in_a_wide_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, made = records(2_000, 0), apart(2_000, 1)
    monkeypatch.setattr(synth.training.fit_forest, "PARTNERS", 1)
    found = learnt(real, made, [0, 1])
    found.check_groups(WIDTHS)
    _, sizes = sizes_of(found.group, LAYOUT.starts)
    weights = torch.split(found.weight, [int(sizes.sum() * sizes[column]) for column in (0, 1)])
    for own, weight in enumerate(weights):
        by_column = torch.split(weight.view(int(sizes.sum()), -1), sizes.tolist())
        weighted = [column for column, part in enumerate(by_column) if bool(part.any())]
        assert set(weighted) <= {0, 1}, "the first two hang together, and the others with neither as closely"
        assert 1 - own in weighted


def leaning(n: int, seed: int) -> Ranks:
    """The last category is a part of the first quantity in half of the records, and chance in the others."""
    r = np.random.default_rng(seed + 1000)
    found = records(n, seed)
    found[:, 3] = np.where(r.random(n) < 0.5, found[:, 0] // 8, r.integers(0, 4, n))
    return found


def test_columns_drawn_anew_have_the_frequencies_of_the_table() -> None:
    """The generated records have the first column larger than it is; what leans on it does not become so too."""
    r = np.random.default_rng(0)
    made, real = leaning(40_000, 5), leaning(5000, 0)
    made = made[r.random(len(made)) < made[:, 0] / 30]
    drawn = drawn_by(learnt(real, made, [3]), made)
    wanted, before, after = (np.bincount(t[:, 3].astype(int), minlength=4) / len(t) for t in (real, made, drawn))
    chance = 5 * np.sqrt(0.25 / len(made))
    assert np.abs(before - wanted).max() > 2 * chance
    assert np.abs(after - wanted).max() < chance


def halves(n: int, seed: int, low: float) -> Ranks:
    """A quantity of 90 values, and whether it is in the lower half of its tenth, as is told in 7 of 10 records.

    Those of whom the lower half is told are this share of all.
    """
    r = np.random.default_rng(seed)
    value = r.integers(0, 90, 20 * n)
    told = np.where(r.random(20 * n) < 0.7, value % 9 < 4, value % 9 >= 4)
    some = np.concatenate([np.flatnonzero(told)[: round(low * n)], np.flatnonzero(~told)[: round((1 - low) * n)]])
    return np.stack([value[some], told[some]], 1).astype(np.float32)


def test_values_inside_a_group_are_as_frequent_as_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too many of the generated records are told to be in lower halves, not too many come out there."""
    layout, places = make_layout([90, 2], [], "cpu"), torch.arange(92)
    ranking, real, made = Ranking(order=places, place=places), halves(20_000, 0, 0.48), halves(20_000, 1, 0.9)
    grown = GrownForest(
        book=book_of(real, layout, ranking),
        real=real,
        columns=(fit_trees(real, real, 0, 90, np.random.default_rng(0)),),
    )
    assert 10 <= int(grown.book.group[89]) + 1 <= 20
    low = []
    for rounds in (0, synth.training.fit_forest.EVENING):
        monkeypatch.setattr(synth.training.fit_forest, "EVENING", rounds)
        random, codes = torch.Generator().manual_seed(0), torch.from_numpy(made).long()
        found = weigh(grown, codes, random, lambda _: None)
        low.append(float((redrawn(found, codes, grown.book, random)[:, 0] % 9 < 4).float().mean()))
    wanted = (real[:, 0] % 9 < 4).mean()
    chance = 5 * np.sqrt(0.25 / 20_000)
    assert low[0] > wanted + 2 * chance
    assert abs(low[1] - wanted) < chance


def rare(n: int, seed: int) -> Ranks:
    """One of 30 values is had by 1 in 150, too few for a leaf, and comes with one of four that is rare otherwise."""
    r = np.random.default_rng(seed + 1000)
    found = records(n, seed)
    found[:, 0] = np.where(r.random(n) < 1 / 150, 17, np.where(found[:, 0] == 17, 16, found[:, 0]))
    found[:, 3] = np.where(found[:, 0] == 17, 3, r.choice(4, n, p=[0.4, 0.3, 0.25, 0.05]))
    return found


def test_a_pair_of_rare_values_is_as_frequent_as_in_the_table_with_weights_only() -> None:
    real, made = rare(6000, 0), rare(40_000, 1)
    made[:, 3] = np.random.default_rng(2).permutation(made[:, 3])
    weighty = learnt(real, made, [3])
    plain = replace(weighty, weight=torch.zeros_like(weighty.weight))
    shares = [((t := drawn_by(found, made))[:, 3] == 3)[t[:, 0] == 17].mean() for found in (plain, weighty)]
    assert shares[0] < 0.45
    assert shares[1] > shares[0] + 0.1


def test_pairs_that_a_handful_of_records_have_are_not_chased() -> None:
    """With four records more or less in a pair, the weights stay what they are without them."""
    real, made = rare(6000, 0), rare(6000, 1)
    few = np.flatnonzero(real[:, 0] == 17)[:4]
    real[few, 3] = 0
    others = np.flatnonzero(real[:, 0] == 17)[4:]
    real[others, 0] = 16
    made[made[:, 0] == 17, 0] = 16
    made[np.arange(4), 0] = 17
    found = learnt(real, made, [3])
    rows = found.weight.view(int(found.group[-1]) + 1, 4)
    assert not rows[int(found.group[17])].any()


def test_followers_are_neither_drawn_nor_asked() -> None:
    """The third column hangs on the first, which the second, a follower, would say as well."""
    r = np.random.default_rng(0)
    level = r.integers(0, 6, 3000)
    names = {"first": [f"v{v}" for v in level], "second": [f"w{v}" for v in level]}
    frame = pd.DataFrame(
        names | {"third": np.where(r.random(3000) < 0.9, level // 3, r.integers(0, 2, 3000)).astype(str)}
    )
    schema = TableSchema(columns=tuple(ColumnSpec(name=n, kind=ColumnKind.CATEGORICAL) for n in frame))
    model = fit(frame, schema, FAST.with_(steps=5), Rng(0))
    (follower,) = model.chain.dependencies.column.tolist()
    found = model.chain.forest
    assert sorted([follower, *found.column.tolist()]) == [0, 1, 2]
    inner = found.left != torch.arange(len(found.left))
    assert follower not in found.feature[inner].tolist()
    starts = model.layout().starts
    ends = torch.cat([starts[1:], torch.tensor([len(found.group)])])
    own = found.group[starts[follower] : ends[follower]]
    assert len(torch.unique(own)) == 1, "what a follower has weighs nothing"


def test_the_same_seed_gives_the_same_trees_and_weights() -> None:
    first, second = (learnt(records(2000, 0), apart(2000, 1)).tensors() for _ in range(2))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def table(n: int) -> tuple[pd.DataFrame, TableSchema]:
    r = np.random.default_rng(0)
    level = r.normal(size=n)
    frame = pd.DataFrame({"before": level, "after": level + 0.01 * r.normal(size=n), "group": r.choice(["a", "b"], n)})
    kinds = {"before": ColumnKind.NUMERICAL, "after": ColumnKind.NUMERICAL, "group": ColumnKind.CATEGORICAL}
    return frame, TableSchema(columns=tuple(ColumnSpec(name=name, kind=kind) for name, kind in kinds.items()))


@pytest.fixture(scope="module")
def settings() -> TrainConfig:
    return FAST.with_(steps=20)


def test_a_model_draws_anew_what_hangs_together_and_meets_its_conditions(settings: TrainConfig) -> None:
    frame, schema = table(2000)
    model = fit(frame, schema, settings, Rng(0))
    assert len(model.chain.forest)
    drawn, plain = (sample(m, 1000, Rng(1)) for m in (model, fit(frame, schema, settings.with_(redraw=False), Rng(0))))
    assert drawn["before"].corr(drawn["after"]) > 0.9 > plain["before"].corr(plain["after"])
    assert 0 in model.chain.forest.column.tolist()
    inside = sample(model, 500, Rng(1), conditions={"before": Range(0.5, 1.0), "group": "a"})
    assert set(inside["group"]) == {"a"}
    assert inside["before"].between(0.5, 1.0).all()


def test_records_that_do_not_count_people_and_small_tables_are_left_alone(settings: TrainConfig) -> None:
    frame, schema = table(FOREST_RECORDS - 1)
    assert not len(fit(frame, schema, settings, Rng(0)).chain.forest)
    frame, schema = table(2000)
    person = ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON)
    frame["who"] = [f"p{number}" for number in range(len(frame))]
    assert not len(fit(frame, TableSchema(columns=(*schema.columns, person)), settings, Rng(0)).chain.forest)
