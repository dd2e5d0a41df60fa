"""The flat codes of each column in an order in which intervals make sense to a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.encode.base import ColumnEncoder


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ranking:
    """The flat codes of each column in an order in which intervals make sense."""

    order: Tensor
    """(D,) flat codes: columns in their order, and inside each column the codes by rank"""
    place: Tensor
    """(D,) where each flat code lies in `order`"""

    def cpu(self) -> Ranking:
        """The same, in the host's memory."""
        return Ranking(order=self.order.cpu(), place=self.place.cpu())


def ranking_of(order: Tensor) -> Ranking:
    """The ranking of (D,) flat codes in their order."""
    return Ranking(order=order, place=torch.argsort(order))


def rank_codes(
    columns: Sequence[ColumnEncoder], counts: NDArray[np.int64], axes: Mapping[int, NDArray[np.float64]], device: str
) -> Ranking:
    """The ranking of the encoded columns: quantities by value, missing values last.

    Categories are in the order of their column's axis (`synth.encode.correspondence`), and from frequent to rare where
    it has none.
    """
    order: list[NDArray[np.int64]] = []
    start = 0
    for number, column in enumerate(columns):
        end = start + column.width
        middle = middles_of(column)
        keys = axes.get(number, -counts[start:end].astype(np.float64)) if middle is None else middle
        order.append(start + np.argsort(keys, kind="stable"))
        start = end
    return ranking_of(torch.from_numpy(np.concatenate(order)).to(device))


def middles_of(column: ColumnEncoder) -> NDArray[np.float64] | None:
    """(W,) the values in the middle of a quantity's codes, NaN where it is missing; None for a column of categories."""
    codes = np.arange(column.width, dtype=np.int32)
    middle = np.zeros(column.width, dtype=np.float32) if column.has_residual else None
    values = column.decode_values(codes, middle, np.random.default_rng(0))
    if values.dtype.kind == "M":
        values = values.astype("int64").where(values.notna())
    by_value = values.dtype.kind in "iuf" or str(values.dtype) == "Int64"
    return values.to_numpy(dtype=np.float64, na_value=np.nan) if by_value else None
