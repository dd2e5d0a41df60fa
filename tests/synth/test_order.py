"""The place of a synthetic record in the table says nothing of the record, nor of whom it resembles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.pieces import PIECE
from synth.sampling.sample import sample
from synth.table.ranges import Range
from synth.table.schema import ColumnKind
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST, people, schema

SHUFFLES = 999
"""Where order says nothing, one of three statistics exceeds its values in all of so many shuffles 3 times in 1,000."""
N = 3_000

Columns = Sequence[np.ndarray]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Every record comes twice, one beside the other, and is sorted, so that the training order says much."""
    everybody = people(300).sort_values(["city", "age"])
    twice = everybody.loc[everybody.index.repeat(2)].reset_index(drop=True)
    return twice.assign(person=[f"P{number}" for number in range(len(twice))])


@pytest.fixture(scope="module")
def model(table: pd.DataFrame) -> TrainedModel:
    return fit(table, schema(), FAST.with_(steps=30), Rng(0))


def ranked(frame: pd.DataFrame) -> pd.DataFrame:
    """Every encoded column as numbers of mean 0 and variance 1; categories by frequency."""
    columns = {}
    for spec in schema():
        if spec.kind is not ColumnKind.IDENTIFIER:
            values = frame[spec.name]
            numbers = (
                values.map(values.value_counts()) if values.dtype == object else values.astype("int64", errors="ignore")
            )
            columns[spec.name] = pd.Series(numbers, dtype=float).rank().fillna(0.0)
    found = pd.DataFrame(columns)
    return (found - found.mean()) / found.std().replace(0.0, 1.0)


def told_by_order(columns: Columns) -> np.ndarray:
    """How much the order tells: by trend, by halves and by neighbours, the largest over columns of each."""
    values = np.stack(columns)
    n = values.shape[1]
    place = (np.arange(n) - (n - 1) / 2) / n
    trend = np.abs(values @ place) / np.sqrt(n / 12)
    halves = np.abs(values[:, : n // 2].mean(1) - values[:, n // 2 :].mean(1)) * np.sqrt(n) / 2
    neighbours = np.abs((values[:, 1:] * values[:, :-1]).sum(1)) / np.sqrt(n)
    return np.array([trend.max(), halves.max(), neighbours.max()])


def order_tells(columns: Columns) -> bool:
    """Whether one of the three is larger than after every shuffle of the records."""
    rng = np.random.default_rng(1)
    orders = (rng.permutation(len(columns[0])) for _ in range(SHUFFLES))
    shuffled = np.array([told_by_order([column[order] for column in columns]) for order in orders])
    return bool((told_by_order(columns) > shuffled.max(0)).any())


def nearest_places(table: pd.DataFrame, drawn: pd.DataFrame) -> np.ndarray:
    """The place in the training table of the record that is nearest to each drawn one."""
    both = ranked(pd.concat([table, drawn], ignore_index=True)).to_numpy()
    place = cKDTree(both[: len(table)]).query(both[len(table) :])[1].astype(float)
    return (place - place.mean()) / place.std()


CONDITIONS = {"free": {}, "frequent": {"city": "Bonn"}, "rare": {"age": Range(20, 21)}}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_record_s_place_says_nothing_of_it_nor_of_the_nearest_training_record(
    model: TrainedModel, table: pd.DataFrame, name: str
) -> None:
    drawn = sample(model, N, Rng(7), conditions=CONDITIONS[name])
    columns = [*ranked(drawn).to_numpy().T, nearest_places(table, drawn)]
    assert not order_tells(columns)


def test_nor_does_it_over_several_pieces(model: TrainedModel) -> None:
    drawn = sample(model, 2 * PIECE, Rng(8))
    places = np.r_[: N // 2, 2 * PIECE - N // 2 : 2 * PIECE]
    assert not order_tells([*ranked(drawn).to_numpy()[places].T])


def test_identifiers_are_none_of_the_table_s(model: TrainedModel, table: pd.DataFrame) -> None:
    drawn = sample(model, N, Rng(9))
    assert drawn["person"].is_unique
    assert not set(drawn["person"]) & set(table["person"])


LEAKS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "sorted": lambda f: f.sort_values("age"),
    "one stratum after another": lambda f: f.sort_values("city", kind="stable"),
    "one kind first": lambda f: pd.concat([(old := f[f["age"] > f["age"].quantile(0.9)]), f.drop(old.index)]),
    "pairs of neighbours": lambda f: f.iloc[np.repeat(np.arange(0, len(f), 5), 5)],
}


@pytest.mark.parametrize("name", LEAKS)
def test_the_test_finds_an_order_that_says_something(model: TrainedModel, name: str) -> None:
    drawn = LEAKS[name](sample(model, N, Rng(7)))
    assert order_tells([*ranked(drawn).to_numpy().T])
