"""Codes and residuals of a column as whole numbers in an order that makes sense to a tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.encode.base import Codes, ColumnEncoder, Residuals
from synth.encode.ranking import middles_of

PARTS = 4
"""Parts of a mode piece that are told apart: inside of one a value lies by chance."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Levels:
    """The levels of one column: codes by rank, pieces of a mode in parts."""

    order: Ints
    """(width,) the code of each rank"""
    place: Ints
    """(width,) the rank of each code"""
    piece: NDArray[np.bool_]
    """(width,) whether a code is a piece"""
    parts: int

    @property
    def size(self) -> int:
        """How many levels there are."""
        return len(self.order) * self.parts

    def of(self, codes: NDArray[np.integer], residuals: Residuals | None) -> Ints:
        """(n,) the levels of codes and residuals."""
        part = np.zeros(len(codes), dtype=np.int64)
        if residuals is not None and self.parts > 1:
            inside = np.clip((residuals.astype(np.float64) + 1) / 2 * self.parts, 0, self.parts - 1).astype(np.int64)
            part = np.where(self.piece[codes], inside, 0)
        found: Ints = self.place[codes] * self.parts + part
        return found

    def draw(self, levels: Ints, rng: np.random.Generator) -> tuple[Codes, Residuals]:
        """(codes, residuals) that lie anywhere in their levels."""
        codes = self.order[levels // self.parts]
        inside = 2 * (levels % self.parts + rng.random(len(levels))) / self.parts - 1
        return codes.astype(np.int32), np.where(self.piece[codes], inside, 0.0).astype(np.float32)


def levels_of(encoder: ColumnEncoder) -> Levels:
    """The levels of a column: quantities by value, missing values last; categories from frequent to rare."""
    middles = middles_of(encoder)
    order = np.arange(encoder.width) if middles is None else np.argsort(middles, kind="stable")
    piece = np.zeros(encoder.width, dtype=np.bool_)
    inside = encoder.piece_codes()
    piece[inside.start : inside.stop] = True
    return Levels(
        order=order.astype(np.int64),
        place=np.argsort(order).astype(np.int64),
        piece=piece,
        parts=PARTS if encoder.has_residual else 1,
    )
