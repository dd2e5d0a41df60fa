"""Odd records: how unlikely the chain finds each record, and the columns in which it is unlikely.

Each link of the chain says how likely a record's own value is given all its other ones. A value surprises by the
negative logarithm of that; what such values usually surprise by in its column is taken off, and what is left is added
up over the columns (a pseudo-likelihood, Besag 1975). Scores of real records are personal data.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.chain.base import Records
from synth.errors import ColumnsWarning, TableError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.rules.kept import BROKEN, kept_by
from synth.table.frame import validate
from synth.table.values import values_of
from synth.uses.partial import redraws_none

LEAST = 1e-6
"""A value that the chain never draws counts as this likely."""
BLOCK = 4_096
TOLD = 3
"""Columns that are told of each record."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Oddness:
    """How odd records are."""

    scores: NDArray[np.float64]
    """(n,) the sum over columns of how much more a value surprises than is usual in its column; high is odd"""
    columns: tuple[str, ...]
    """The C columns that count"""
    surprise: NDArray[np.float64]
    """(n, C) by column, in natural units of information over what is usual"""

    def reasons(self, most: int = TOLD) -> list[tuple[str, ...]]:
        """For each record the columns that make it odd, the oddest first; fewer where others do not surprise."""
        order = np.argsort(-self.surprise, axis=1, kind="stable")[:, :most]
        return [
            tuple(self.columns[place] for place in row if self.surprise[number, place] > 0)
            for number, row in enumerate(order)
        ]

    def to_frame(self) -> pd.DataFrame:
        """`record` (from 0), `score` and the columns that make it odd, the oddest record first."""
        said = self.reasons()
        found: dict[str, Sequence[str] | NDArray[np.generic]] = {
            "record": np.arange(len(self.scores)),
            "score": self.scores,
        }
        found |= {f"column_{i + 1}": [row[i] if i < len(row) else "" for row in said] for i in range(TOLD)}
        return pd.DataFrame(found).sort_values("score", ascending=False, kind="stable", ignore_index=True)


def odd(model: TrainedModel, table: pd.DataFrame, rng: Rng, progress: Callable[[float], None] | None = None) -> Oddness:
    """How odd each record of `table` is to a model. A missing value counts as one of the values of its column.

    A record that breaks a rule which the model keeps is as odd as can be in the first column that the rule is about.
    `progress` is told the fraction done.

    Warns (ColumnsWarning) where the model redraws some of its columns only: the score says nothing of the others.
    Raises TableError where the table does not fit the model's schema or has no records, or where the model redraws no
    column, and so cannot tell.
    """
    if model.sequences is not None:
        raise TableError("expected a model of people with one record each, got one of people with several records")
    table = validate(table, model.schema)
    if not len(table):
        raise TableError("expected one record or more, got none")
    book = model.codebook()
    links = [link for link in model.chain.links(book) if link.column is not None]
    if not links:
        raise redraws_none()
    _warn_of_unseen(model, {link.column for link in links})
    codes = torch.from_numpy(model.encoder.encode(table, rng.spawn("encode")).codes.astype(np.int64))
    with torch.inference_mode():
        parts = []
        for block in torch.split(codes, BLOCK):
            records = Records.of(block, book)
            parts.append(torch.stack([_surprise(link.log_prob(records)) for link in links], 1))
            if progress is not None:
                progress(min(1.0, len(parts) * BLOCK / len(codes)))
    # columns that two links are about, as one that is looked up and one that is redrawn, count once each time
    found: NDArray[np.float64] = torch.cat(parts).numpy()
    names = tuple(model.encoder.encoders[link.column].name for link in links if link.column is not None)
    own = found - np.median(found, axis=0)
    broken, about = _broken(model, table)
    own, names = np.concatenate([own, broken], axis=1), (*names, *about)
    columns = tuple(dict.fromkeys(names))
    surprise = np.stack([own[:, [i for i, n in enumerate(names) if n == name]].sum(1) for name in columns], 1)
    return Oddness(scores=surprise.sum(1), columns=columns, surprise=surprise)


def _warn_of_unseen(model: TrainedModel, seen: Collection[int | None]) -> None:
    """Warns where columns of several values are not among those that the score looks at."""
    several = [column for column, width in enumerate(model.encoder.widths) if width > 1]
    looked_at = sum(column in seen for column in several)
    if looked_at < len(several):
        warnings.warn(
            f"The model redraws {looked_at} of {len(several)} columns given the others, and the score looks at these "
            "alone: whatever is odd in another column is not found. Train the model for longer to look at more.",
            ColumnsWarning,
            stacklevel=3,
        )


def _broken(model: TrainedModel, table: pd.DataFrame) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """((n, rules) what each broken rule adds, the first column of each rule)."""
    rules = [each.rule for each in model.encoder.rules.rules]
    values = {str(name): column for name, column in values_of(table, model.schema).items()}
    added = [-math.log(LEAST) * (kept_by(rule, values) == BROKEN) for rule in rules]
    whole = np.stack(added, axis=1) if added else np.zeros((len(table), 0))
    return whole, tuple(rule.columns[0] for rule in rules)


def _surprise(log_prob: Tensor) -> Tensor:
    return -log_prob.clamp_min(math.log(LEAST))
