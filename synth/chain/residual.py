"""Residuals that trees draw: where inside of its mode piece a quantity lies, given the rest of the record.

Codes say in which piece a quantity lies. Over all records of a piece residuals are uniform, but not over those of one
kind: of two bills in a row the second lies where the first does, inside of a piece as well. So once a record has its
codes its residuals are drawn one after another, each by trees that know the codes and the residuals before (sequential
regression trees, Reiter 2005). A leaf holds many training records, and trees know no closer than by equal parts of a
piece where in it a record lies: no cut of theirs is between two persons' values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor

from synth.chain.stratified import pick
from synth.encode.layout import Layout
from synth.encode.ranking import Ranking
from synth.errors import ArtifactError
from synth.protection import LEAF_RECORDS
from synth.trees.arrays import DEPTH, check_trees, leaf_of, nodes_of, tree_count
from synth.trees.critic import Ranks

PARTS = 8
"""Equal parts of a piece that a leaf tells apart."""
SEEN = 16
"""Equal parts of a piece that trees tell apart in the columns before."""
NARROW = 1e-6
"""A range of ranks counts as so wide, at least."""
RECORDS = 80_000
"""Records that a tree is grown on, at most."""
SHARE = 0.8
"""Share of the records that a tree is grown on, drawn anew for each."""
FEATURES = 24
"""Columns that a tree looks at, at most, so that time grows with the columns and not with their square."""
SPARE = 1.0
"""Records that each leaf has besides its own, evenly over its piece: what few records say of eight parts is noise."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ends:
    """Between which residuals a column's conditions let its values lie."""

    low: Tensor
    """(width,) the least residual of each code"""
    high: Tensor
    """(width,) the greatest"""

    def place(self, residual: Tensor, code: Tensor) -> Tensor:
        """(B,) residuals in [-1, 1] moved in between, by the (B,) codes that they belong to."""
        low, high = self.low[code], self.high[code]
        return torch.minimum(low + (residual + 1) / 2 * (high - low), high)

    def clamp(self, residual: Tensor, code: Tensor) -> Tensor:
        """(B,) residuals of which those beyond an end lie on it."""
        return torch.minimum(torch.maximum(residual, self.low[code]), self.high[code])

    def inside(self, share: Tensor, point: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        """((B,) points in [0, 1) moved to where in a leaf's (B, P) shares the ends lie, (B,) what a record counts).

        That is the logarithm of how likely the leaf draws from between the ends, in parts of how likely chance does.
        """
        low, high = ((end[code].double() + 1) / 2 for end in (self.low, self.high))
        low = torch.minimum(low, torch.full_like(low, 1 - NARROW))
        high = torch.maximum(high, low + NARROW)
        before, after = _below(share, low), _below(share, high)
        inside = (after - before).clamp_min(1e-30)
        return before + point * inside, torch.log(inside / (high - low))

    def hold(self, residual: Tensor, code: Tensor) -> Tensor:
        """(B,) whether they lie there by themselves."""
        return (residual >= self.low[code]) & (residual <= self.high[code])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ResidualTrees:
    """K columns whose residuals are drawn, in that order, each by one of T trees; all trees together have N nodes.

    A node asks for the rank of a column, plus the part of its piece (`seen`) where that has been drawn before.
    """

    place: Tensor
    """(K,) int64, which of the columns with residuals"""
    root: Tensor
    """(K, T) int64, where a column's trees begin"""
    feature: Tensor
    """(N,) int64, the learnt column that a node asks about"""
    cut: Tensor
    """(N,) float32, the highest value that goes left"""
    left: Tensor
    """(N,) int64, the next node; a leaf is its own"""
    right: Tensor
    """(N,) int64"""
    share: Tensor
    """(N, P) float32, the share of a leaf's records in each of P equal parts of their piece"""

    def __len__(self) -> int:
        return len(self.place)

    def draw(
        self,
        codes: Tensor,
        pieces: Tensor,
        ends: Mapping[int, Ends],
        ranking: Ranking,
        layout: Layout,
        random: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """((B, R) float32 residuals in [-1, 1] for (B, C) codes, (B,) float64 logarithms of what a record counts).

        They are uniform where there are no trees, and for codes that are no mode `pieces` (D,). Residuals of columns
        that have `ends` lie between these, and a record counts by how likely that was, in parts of how likely it were
        for uniform ones.
        """
        columns = layout.residual_columns.tolist()
        weight = torch.zeros(len(codes), dtype=torch.float64)
        residuals = 2 * torch.rand(len(codes), len(columns), generator=random) - 1
        for place, column in enumerate(columns):
            if column in ends:
                residuals[:, place] = ends[column].place(residuals[:, place], codes[:, column])
        if not len(self):
            return residuals, weight
        values = (ranking.place[codes + layout.starts] - layout.starts).T.float().contiguous()
        for root, place in zip(self.root, self.place.tolist(), strict=True):
            column = columns[place]
            some = torch.nonzero(pieces[codes[:, column] + layout.starts[column]])[:, 0]
            asked = values if len(some) == len(codes) else values[:, some]
            leaf = leaf_of(self, asked, root[torch.randint(len(root), (len(some),), generator=random)])
            share, point = self.share[leaf], torch.rand(len(leaf), generator=random, dtype=torch.float64)
            if column in ends:
                point, likely = ends[column].inside(share, point, codes[some, column])
                weight[some] += likely
            part, inside = pick(share, point)
            drawn = (2 * (part + inside) / share.shape[1] - 1)[:, 0].float().clamp(-1, 1)
            residuals[some, place] = ends[column].clamp(drawn, codes[some, column]) if column in ends else drawn
            values[column] += seen((residuals[:, place] + 1) / 2)
        return residuals, weight

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], columns: int, places: int) -> ResidualTrees:
        """The trees in an untrusted file, for so many learnt columns, of which `places` have residuals.

        Raises ArtifactError where they are none.
        """
        if set(tensors) != {f.name for f in fields(ResidualTrees)}:
            raise ArtifactError("residual: expected the arrays of trees for residuals")
        if any(t.dtype != (torch.float32 if n in ("cut", "share") else torch.int64) for n, t in tensors.items()):
            raise ArtifactError("residual: expected integers of 64 bits and numbers of 32 bits")
        found = ResidualTrees(**tensors)
        check_trees("residual", found, columns, len(found.place.flatten()))
        if found.share.ndim != 2 or len(found.share) != len(found.feature) or found.place.ndim != 1:
            raise ArtifactError("residual: expected arrays that fit one another")
        known = bool(((found.place >= 0) & (found.place < places)).all())
        if not known or len(torch.unique(found.place)) < len(found.place):
            raise ArtifactError("residual: expected each column once, of those with residuals")
        shared = torch.isfinite(found.share).all() and (found.share >= 0).all() and (found.share.sum(1) > 0).all()
        if not bool(shared) or not bool(torch.isfinite(found.cut).all()):
            raise ArtifactError("residual: expected finite numbers, and shares of something")
        return found


def _below(share: Tensor, rank: Tensor) -> Tensor:
    """(B,) float64, which part of (B, P) shares of equal parts of [0, 1] lies below (B,) ranks in it."""
    share = share.double() / share.double().sum(1, keepdim=True)
    parts = share.shape[1]
    part = (rank * parts).long().clamp(0, parts - 1)[:, None]
    own, upto = share.gather(1, part), share.cumsum(1).gather(1, part)
    return (upto - own * (1 + part - rank[:, None] * parts))[:, 0]


def seen(inside: Tensor) -> Tensor:
    """Ranks in [0, 1] as trees know them: by equal parts, of which each has the rank that it begins at."""
    return (SEEN * inside).floor().clamp_max(SEEN - 1) / SEEN


def uniform_residuals() -> ResidualTrees:
    """No trees: all residuals are uniform."""
    none = torch.zeros(0, dtype=torch.int64)
    return ResidualTrees(
        place=none,
        root=none.reshape(0, 1),
        feature=none,
        cut=none.float(),
        left=none,
        right=none,
        share=none.float().reshape(0, PARTS),
    )


def fit_residuals(
    ranks: Ranks,
    inside: Numbers,
    columns: Sequence[int],
    rng: np.random.Generator,
    *,
    progress: Callable[[float], None],
) -> ResidualTrees:
    """The trees that draw the residuals of `columns`, from the records that are learnt.

    `ranks` are (records, C), and `inside` is (records, R) for the R columns with residuals: which share of its mode
    piece lies below a record's value, NaN where that lies in none. Columns of which few values lie in pieces have no
    trees. `progress` hears the part done, in [0, 1].
    """
    known = ~np.isnan(inside)
    # where no residual is known it says nothing, and any will do
    filled = seen(torch.from_numpy(np.where(known, inside, rng.random(inside.shape)))).numpy()
    near = _nearest(ranks)
    values, trees, places, parts = ranks.copy(), tree_count(len(ranks)), list[int](), list[_Grown]()
    for place, column in enumerate(columns):
        progress(place / len(columns))
        some = known[:, place]
        if some.sum() < 2 * LEAF_RECORDS / SHARE:
            continue
        within = np.minimum(inside[some, place], 1 - NARROW)
        asked, wanted = values[np.ix_(some, near[column])], ranks[some, column] + within
        parts.extend(_grow(asked, wanted, near[column], rng) for _ in range(trees))
        places.append(place)
        values[:, column] += filled[:, place]
    progress(1.0)
    return _packed(places, parts) if places else uniform_residuals()


def _nearest(ranks: Ranks) -> NDArray[np.int64]:
    """(C, F) for each column those that it hangs together with most closely, beginning with itself."""
    centred = ranks - ranks.mean(0)
    unit = centred / np.sqrt((centred**2).sum(0)).clip(1e-30)
    together = np.abs(unit.T @ unit)
    np.fill_diagonal(together, 2.0)
    order: NDArray[np.int64] = np.argsort(-together, axis=1, kind="stable")
    return order[:, :FEATURES]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Grown:
    tree: DecisionTreeRegressor
    columns: NDArray[np.int64]
    """Those that it looks at"""
    share: NDArray[np.float32]
    """See `ResidualTrees`"""


def _grow(asked: Ranks, wanted: Numbers, columns: NDArray[np.int64], rng: np.random.Generator) -> _Grown:
    """One tree by (records, F) values of F columns; (records,) `wanted` are the ranks with those inside of a piece.

    The column's own code tells most of that, and so is asked for first.
    """
    some = rng.permutation(len(asked))[: min(RECORDS, int(SHARE * len(asked)))]
    tree = DecisionTreeRegressor(
        max_depth=DEPTH, min_samples_leaf=LEAF_RECORDS, random_state=int(rng.integers(2**31))
    ).fit(asked[some], wanted[some])
    part = np.minimum((PARTS * (wanted - np.floor(wanted))).astype(np.int64), PARTS - 1)
    table = np.bincount(tree.apply(asked) * PARTS + part, minlength=tree.tree_.node_count * PARTS)
    counted = table.reshape(-1, PARTS) + SPARE / PARTS
    return _Grown(tree=tree, columns=columns, share=(counted / counted.sum(1, keepdims=True)).astype(np.float32))


def _packed(places: Sequence[int], parts: Sequence[_Grown]) -> ResidualTrees:
    """The trees in arrays."""
    arrays: list[dict[str, NDArray[Any]]] = []
    begins = np.cumsum([0, *(len(part.share) for part in parts)])
    for part, begin in zip(parts, begins, strict=False):
        nodes = nodes_of(part.tree, int(begin))
        # between two parts any cut is as good: the lower one's beginning says nothing of who lies in them
        cut = np.floor(SEEN * nodes["cut"]) / SEEN
        arrays.append(nodes | {"feature": part.columns[nodes["feature"]], "cut": cut, "share": part.share})
    kinds = {"feature": np.int64, "cut": np.float32, "left": np.int64, "right": np.int64, "share": np.float32}
    whole = {n: torch.from_numpy(np.concatenate([a[n] for a in arrays]).astype(kind)) for n, kind in kinds.items()}
    root = torch.from_numpy(begins[:-1].reshape(len(places), -1))
    return ResidualTrees(place=torch.tensor(places), root=root, **whole)
