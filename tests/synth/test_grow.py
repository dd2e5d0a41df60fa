"""Which columns are drawn anew: those of which the others know more than the generator, and nobody's else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from synth.bounds import Range
from synth.config import TrainConfig
from synth.follow import Followers, nobody_follows
from synth.grow import FARTHEST, FEWEST_RECORDS, Trial, calibrated, choose, grow, ranks_of_codes, told_apart
from synth.layout import make_layout
from synth.leaves import Ranking
from synth.randomness import Rng
from synth.redraw import Redraw
from synth.sample import sample
from synth.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.train import fit
from synth.trees import Ranks
from tests.synth.tables_about_people import FAST

WIDTHS = [30, 30, 5, 4]
LAYOUT = make_layout(WIDTHS, [], "cpu")
RANKING = Ranking(order=torch.arange(69), place=torch.arange(69))


def records(n: int, seed: int) -> Ranks:
    """Two quantities that lie close to each other, and two categories by chance."""
    r = np.random.default_rng(seed)
    first = r.integers(0, 30, n)
    second = (first + r.integers(-1, 2, n)).clip(0, 29)
    return np.stack([first, second, r.integers(0, 5, n), r.integers(0, 4, n)], 1).astype(np.float32)


def apart(n: int, seed: int) -> Ranks:
    """The same, but that every column is drawn by itself."""
    r = np.random.default_rng(seed)
    return np.stack([r.permutation(column) for column in records(n, seed).T], 1)


def trial(made: Ranks, followers: Followers | None = None) -> Trial:
    return Trial(
        layout=LAYOUT,
        ranking=RANKING,
        real=records(5000, 0),
        made=torch.from_numpy(made).long(),
        followers=followers or nobody_follows(),
        target=None,
    )


def drawn_by(found: Redraw, made: Ranks) -> Ranks:
    codes = found.apply(torch.from_numpy(made).long(), RANKING, LAYOUT, torch.Generator().manual_seed(0))
    return ranks_of_codes(codes, RANKING, LAYOUT)


def test_columns_that_hang_together_are_drawn_anew_and_do_so_again() -> None:
    found = choose(trial(apart(5000, 1)), Rng(0))
    assert {0, 1} & set(found.column.tolist())
    drawn = drawn_by(found, apart(5000, 2))
    assert (np.abs(drawn[:, 0] - drawn[:, 1]) <= 1).mean() > 0.9
    told = [told_apart(records(5000, 3), made, np.random.default_rng(0)) for made in (apart(5000, 2), drawn)]
    assert told[1] < 0.6 < told[0]


def test_a_generator_that_draws_as_the_table_is_is_left_alone() -> None:
    assert not len(choose(trial(records(5000, 7)), Rng(0)))


def leaning(n: int, seed: int) -> Ranks:
    """The last category is a part of the first quantity in half of the records, and chance in the others."""
    r = np.random.default_rng(seed)
    found = records(n, seed)
    found[:, 3] = np.where(r.random(n) < 0.5, found[:, 0] // 8, r.integers(0, 4, n))
    return found


def test_columns_drawn_anew_have_the_frequencies_of_the_table() -> None:
    """The generated records have the first column larger than it is; what leans on it does not become so too."""
    r = np.random.default_rng(0)
    made, real = leaning(40_000, 5), leaning(5000, 0)
    made = made[r.random(len(made)) < made[:, 0] / 30]
    one = grow(real, real, 3, 4, r)
    drawn = drawn_by(calibrated([one], real, made, r), made)
    wanted, before, after = (np.bincount(t[:, 3].astype(int), minlength=4) / len(t) for t in (real, made, drawn))
    chance = 5 * np.sqrt(0.25 / len(made))
    assert np.abs(before - wanted).max() > 2 * chance
    assert np.abs(after - wanted).max() < chance


def test_followers_are_neither_drawn_nor_asked() -> None:
    """The third column hangs on the first, which the second, a follower, would say as well."""
    made, real = apart(5000, 1), records(5000, 0)
    for table in (made, real):
        table[:, 1] = table[:, 0]
    real[:, 2] = real[:, 0] // 6
    twin = Followers(source=torch.tensor([0]), column=torch.tensor([1]), code=torch.arange(30)[None])
    found = choose(replace(trial(made, twin), real=real), Rng(0))
    assert len(found)
    assert 1 not in found.column.tolist()
    inner = found.left != torch.arange(len(found.left))
    assert {0, 2} & set(found.feature[inner].tolist())
    assert 1 not in found.feature[inner].tolist()


def test_a_value_weighs_a_few_times_what_its_records_count_at_most() -> None:
    """The generated records have next to none of a value that the table has in every other record."""
    r = np.random.default_rng(0)
    real = np.stack([r.integers(0, 2, 5000), r.integers(0, 2, 5000)], 1).astype(np.float32)
    real[:, 1] = np.where(r.random(5000) < 0.98, real[:, 0], real[:, 1])
    made = np.zeros((5000, 2), dtype=np.float32)
    one = grow(real, real, 1, 2, r)
    found = calibrated([one], real, made, r)
    before = [table[leaf] for table in one.tables for leaf in np.flatnonzero(table.sum(1))]
    shares = torch.diff(found.upto, prepend=torch.zeros(1, dtype=torch.float64)) % 1
    after = shares.reshape(-1, 2).numpy()
    ratios = [(new[1] / new[0]) / (old[1] / old[0]) for new, old in zip(after, before, strict=True) if old.all()]
    assert ratios
    assert max(ratios) <= FARTHEST**2 * 1.001
    assert max(ratios) > 2


def test_the_same_seed_gives_the_same_trees() -> None:
    first, second = (choose(trial(apart(2000, 1)), Rng(4)).tensors() for _ in range(2))
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
    assert len(model.redraw)
    drawn, plain = (sample(m, 1000, Rng(1)) for m in (model, fit(frame, schema, settings.with_(redraw=False), Rng(0))))
    assert drawn["before"].corr(drawn["after"]) > 0.9 > plain["before"].corr(plain["after"])
    assert 0 in model.redraw.column.tolist()
    inside = sample(model, 500, Rng(1), conditions={"before": Range(0.5, 1.0), "group": "a"})
    assert set(inside["group"]) == {"a"}
    assert inside["before"].between(0.5, 1.0).all()


def test_records_that_do_not_count_people_and_small_tables_are_left_alone(settings: TrainConfig) -> None:
    frame, schema = table(FEWEST_RECORDS - 1)
    assert not len(fit(frame, schema, settings, Rng(0)).redraw)
    frame, schema = table(2000)
    person = ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON)
    frame["who"] = [f"p{number}" for number in range(len(frame))]
    assert not len(fit(frame, TableSchema(columns=(*schema.columns, person)), settings, Rng(0)).redraw)
