"""Predictions of a column by the others, which the trees that redraw it see beside these.

A tree of large leaves says little of a column that many others add up to. Boosted trees say it, and what they expect is
one more column to that tree: splits along it make leaves of people of whom the same is expected. What boosted trees
expect of the records that they were grown on is nearer to these than to anybody else, so there are several, each grown
without a part of the records, and every record is told by those that do not know it (cross-fitting, Chernozhukov et al.
2018, definition 3.1). Whoever is redrawn is told by any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from torch import Tensor

from synth.arrays import check_range, names_of
from synth.errors import ArtifactError
from synth.protection import LEAF_RECORDS
from synth.trees.arrays import Ranks
from synth.trees.boosted import DEPTH, LEAVES, Boosted, boosted_of, open_columns

FOLDS = 3
"""Parts of the records, each of which is told by trees that were grown without it."""
FEWEST_RECORDS = 4_000
"""With fewer records nothing is predicted: boosted trees know these so well that what is drawn comes near to them. Of
1,500 of magic's .55 of the generated records were nearer to train than to holdout, and .53 without predictions."""
ROUNDS, RATE = 40, 0.2
MOST_FOLDS, MOST_ROUNDS, MOST_MASKS = 4, 160, 2**26
"""In a file, at most; and masks of all its predictions together."""
RECORDS = 40_000
"""Records that boosted trees are grown on, with those left out, at most."""
LEVELS = 1024
"""Levels that predictions are told by: cuts between them are between no two persons' values."""
GAIN = 0.08
"""A prediction is worth its time where it explains such a part of what a tree without it leaves unexplained."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prediction:
    """Boosted trees, grown on different records, that say where in its distribution a column lies."""

    folds: tuple[Boosted, ...]

    def levels(self, ranks: Tensor, random: torch.Generator) -> Tensor:
        """(B,) int64 what one of them, by chance, expects of each record, by the (C, B) ranks of its columns."""
        which = torch.randint(len(self.folds), (ranks.shape[1],), generator=random)
        expected = torch.zeros(ranks.shape[1])
        values = ranks.float()
        for number, trees in enumerate(self.folds):
            some = torch.nonzero(which == number)[:, 0]
            expected[some] = trees.scores(values[:, some].T)[:, 0]
        return level_of(expected)

    def each(self, ranks: Tensor) -> list[Tensor]:
        """The (B,) int64 levels by each of them."""
        values = ranks.float().T
        return [level_of(trees.scores(values)[:, 0]) for trees in self.folds]


def level_of(expected: Tensor) -> Tensor:
    """(B,) int64 levels of what is expected, of which 0 and 1 are a column's lowest and highest values."""
    return (LEVELS * expected).long().clamp(0, LEVELS - 1)


def fit_prediction(
    others: Ranks, place: Numbers, unexplained: float, rng: np.random.Generator
) -> tuple[Prediction, Ranks] | None:
    """(what predicts a column, (records,) the level that each of the records is told by).

    `others` are (records, C) ranks, the column itself a constant, and (records,) `place` is where in its distribution
    each record lies, from 0 to 1. None where there are too few records, where all others are constants, and where the
    first trees leave little less `unexplained`, as a part of the variance, than is given.
    """
    columns = open_columns(others)
    if len(place) < FEWEST_RECORDS or not len(columns):
        return None
    fold = rng.integers(FOLDS, size=len(place))
    some = rng.permutation(len(place))[:RECORDS]
    found = []
    for number in range(FOLDS):
        learnt, told = some[fold[some] != number], some[fold[some] == number]
        trees = _grown(others[learnt], columns, place[learnt], int(rng.integers(2**31)))
        if not number:
            missed = place[told] - trees.scores(torch.from_numpy(others[told]))[:, 0].numpy()
            if np.mean(missed**2) >= (1 - GAIN) * unexplained * np.var(place):
                return None
        found.append(trees)
    levels = np.zeros(len(place), dtype=np.float32)
    for number, trees in enumerate(found):
        own = fold == number
        levels[own] = level_of(trees.scores(torch.from_numpy(others[own]))[:, 0]).numpy()
    return Prediction(folds=tuple(found)), levels


def _grown(others: Ranks, columns: NDArray[np.int64], place: Numbers, seed: int) -> Boosted:
    booster = HistGradientBoostingRegressor(
        max_iter=ROUNDS,
        learning_rate=RATE,
        max_leaf_nodes=LEAVES,
        max_depth=DEPTH,
        min_samples_leaf=LEAF_RECORDS,
        early_stopping=False,
        random_state=seed,
    )
    return boosted_of(booster.fit(others[:, columns], place), columns, [0], 1)


def to_tensors(predictions: Mapping[int, Prediction]) -> dict[str, Tensor]:
    """The predictions by encoded column as arrays; `from_tensors` reads them back."""
    if not predictions:
        return {}
    held = {
        name: torch.stack([torch.stack([getattr(one, name) for one in each.folds]) for each in predictions.values()])
        for name in names_of(Boosted)
    }
    return {"column": torch.tensor(list(predictions)), **held}


def from_tensors(tensors: Mapping[str, Tensor], widths: Sequence[int]) -> dict[int, Prediction]:
    """The predictions in an untrusted file, by encoded column. Raises ArtifactError where they are none.

    `widths` are the encoded columns' numbers of codes.
    """
    if not tensors:
        return {}
    column = tensors.get("column")
    if (
        column is None
        or column.dtype != torch.int64
        or column.ndim != 1
        or set(tensors) != {"column", *names_of(Boosted)}
    ):
        raise ArtifactError("prediction: expected the columns that are predicted, and arrays of trees")
    check_range("prediction", {"column": column}, {"column": len(widths)})
    if not len(column) or len(torch.unique(column)) < len(column):
        raise ArtifactError("prediction: expected each column once, of those that there are")
    folds = tensors["feature"].shape[1] if tensors["feature"].ndim > 1 else 0
    if not 0 < folds <= MOST_FOLDS or any(
        tensors[name].shape[:2] != (len(column), folds) for name in names_of(Boosted)
    ):
        raise ArtifactError(f"prediction: expected 1 to {MOST_FOLDS} times trees for each column")
    found, masks = dict[int, Prediction](), 0
    for place, number in enumerate(column.tolist()):
        each = [{name: tensors[name][place, fold] for name in names_of(Boosted)} for fold in range(folds)]
        trees = [Boosted.from_tensors("prediction", one, len(widths), 1, MOST_ROUNDS) for one in each]
        found[number] = Prediction(folds=tuple(trees))
        masks += sum(one.scorer.count for one in trees)
        if masks > MOST_MASKS:
            raise ArtifactError(f"prediction: expected cuts for at most {MOST_MASKS} masks")
    return found
