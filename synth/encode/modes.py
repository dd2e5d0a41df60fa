"""The modes of a quantity and the pieces that they are cut into, see `synth.encode.numeric`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from synth.encode.base import Codes, floats_of
from synth.encode.ranges import Floats
from synth.errors import ArtifactError


@dataclass(frozen=True, kw_only=True, slots=True)
class Mode:
    """One component of the Gaussian mixture, and the pieces that it is cut into."""

    mean: float
    deviation: float
    weight: float
    edges: tuple[float, ...]
    """Inner edges between its pieces, ascending."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """The quantile function of one piece of a mode as a polyline; every knot is backed by several people."""

    ranks: tuple[float, ...]
    """Ascending from 0 to 1."""
    values: tuple[float, ...]
    """Ascending, one for each rank."""

    def rank(self, x: Floats, rng: np.random.Generator) -> Floats:
        """(n,) in [0, 1]: the share of the piece below each value; drawn uniformly over a value that repeats."""
        values, first = np.unique(self.values, return_index=True)
        last = np.r_[first[1:], len(self.values)] - 1
        ranks = np.asarray(self.ranks)
        x = np.clip(x, values[0], values[-1])
        left = np.interp(x, values, ranks[first])
        at = np.searchsorted(values, x, side="right") - 1
        exact = values[at] == x
        following = np.minimum(at + 1, len(values) - 1)
        span = np.where(following > at, values[following] - values[at], 1.0)
        share = np.clip((x - values[at]) / span, 0.0, 1.0)
        between = ranks[last[at]] + share * (ranks[first[following]] - ranks[last[at]])
        tied = left + rng.random(len(x)) * (ranks[last[at]] - left)
        found: Floats = np.clip(np.where(exact, tied, between), 0.0, 1.0)
        return found


def quantiles(pieces: tuple[Piece, ...], number: Codes, rank: Floats) -> Floats:
    """(n,) the values at these shares of the pieces of these numbers, which rise with the share inside a piece.

    The knots of all pieces lie on one line, so that one search finds the places in all of them.
    """
    sizes = [len(piece.ranks) for piece in pieces]
    last = np.cumsum(sizes) - 1
    ranks, values = (np.concatenate([getattr(piece, part) for piece in pieces]) for part in ("ranks", "values"))
    # 2 apart, so that the end of one piece is not the beginning of the next; at most 2^10 pieces leave 42 bits to ranks
    line = ranks + 2 * np.repeat(np.arange(len(pieces)), sizes)
    at = np.searchsorted(line, rank + 2 * number, side="right") - 1
    following = np.minimum(at + 1, last[number])
    run = ranks[following] - ranks[at]
    share = np.divide(rank - ranks[at], run, out=np.zeros_like(rank), where=run > 0)
    # rounding may lift an interpolated value past the next knot
    found: Floats = np.minimum(values[at] + share * (values[following] - values[at]), values[following])
    return found


def mode_of(x: Floats, modes: tuple[Mode, ...]) -> Codes:
    """(n,) the mode with the greatest responsibility for each value.

    CTGAN draws the mode by responsibility. Taking the greatest keeps the pieces of different modes apart, so that one
    value has one code and tables over codes are not blurred.
    """
    mean, deviation, weight = (np.array([getattr(m, k) for m in modes]) for k in ("mean", "deviation", "weight"))
    distance = (x[:, None] - mean) / deviation
    responsibility: Floats = np.log(weight) - np.log(deviation) - 0.5 * distance**2
    mode: Codes = responsibility.argmax(axis=1).astype(np.int32)
    return mode


def read_mode(values: Mapping[str, Any]) -> Mode:
    """The mode that a file holds. Raises ArtifactError on anything else."""
    numbers = floats_of({"mode": [values.get("mean"), values.get("deviation"), values.get("weight")]}, "mode")
    if numbers[1] <= 0 or numbers[2] <= 0:
        raise ArtifactError("modes: expected positive deviations and weights")
    edges = ascending(floats_of(values, "edges"), "edges")
    return Mode(mean=numbers[0], deviation=numbers[1], weight=numbers[2], edges=edges)


def read_piece(values: Mapping[str, Any]) -> Piece:
    """The piece that a file holds. Raises ArtifactError on anything else.

    The first rank is 0 and the last one 1; a file leaves them out, where they would look like ends of the column. Files
    of earlier versions have them.
    """
    ranks, knots = floats_of(values, "ranks"), floats_of(values, "values")
    if len(ranks) == len(knots) - 2:
        ranks = (0.0, *ranks, 1.0)
    if len(ranks) != len(knots) or not ranks or ranks[0] != 0 or ranks[-1] != 1:
        raise ArtifactError("pieces: expected as many values as ranks, and ranks from 0 to 1")
    return Piece(ranks=ascending(ranks, "ranks"), values=ascending(knots, "values"))


def ascending(values: tuple[float, ...], name: str) -> tuple[float, ...]:
    """The numbers. Raises ArtifactError, which names them, where they do not ascend."""
    if any(a > b for a, b in pairwise(values)):
        raise ArtifactError(f"{name}: expected ascending numbers")
    return values
