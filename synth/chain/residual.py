"""Residuals drawn by trees: where inside of its mode piece a quantity lies, given the rest of the record.

Codes say in which piece a quantity lies. Over all records of a piece residuals are uniform, but not over those of one
kind: of two bills in a row the second lies where the first does, inside of a piece as well. So once a record has its
codes its residuals are drawn one after another, each by trees that know the codes and the residuals before (sequential
regression trees, Reiter 2005). A leaf holds many training records, and trees know no closer than by equal parts of a
piece where in it a record lies: no cut of theirs is between two persons' values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor

from synth.arrays import array, arrays_of, check_arrays, check_range
from synth.chain.base import NARROW, Allowed, Records
from synth.chain.stratified import pick
from synth.errors import ArtifactError
from synth.protection import LEAF_RECORDS
from synth.trees.arrays import DEPTH, Ranks, check_trees, leaf_of, nodes_of, tree_count

PART = "residual"
"""Its name in a model file."""
PARTS = 8
"""Equal parts of a piece that a leaf tells apart."""
SEEN = 16
"""Equal parts of a piece that trees tell apart in the columns before."""
RECORDS = 80_000
"""Records that a tree is grown on, at most."""
SHARE = 0.8
"""Share of the records that a tree is grown on, drawn afresh for each."""
FEATURES = 24
"""Columns that a tree looks at, at most, so that time grows with the columns and not with their square."""
SPARE = 1.0
"""Records that each leaf has besides its own, evenly over its piece: what few records say of eight parts is noise."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ResidualTrees:
    """K columns whose residuals are drawn by T trees each, in this order; those of others are uniform.

    All trees together have N nodes. A node asks for the rank of a column, plus the part of its piece (`seen`) where
    that has been drawn before.
    """

    place: Tensor = field(metadata=array(torch.int64, 1))
    """(K,) which of the columns with residuals"""
    root: Tensor = field(metadata=array(torch.int64, 2))
    """(K, T) where a column's trees begin"""
    feature: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) the encoded column that a node asks about"""
    cut: Tensor = field(metadata=array(torch.float32, 1))
    """(N,) the highest value that goes left"""
    left: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) the next node; a leaf is its own"""
    right: Tensor = field(metadata=array(torch.int64, 1))
    """(N,)"""
    share: Tensor = field(metadata=array(torch.float32, 2))
    """(N, P) the share of a leaf's records in each of P equal parts of their piece"""

    def __len__(self) -> int:
        return len(self.place)

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        return arrays_of(self)

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], columns: int, places: int) -> ResidualTrees:
        """The trees in an untrusted file, for so many encoded columns, of which `places` have residuals.

        Raises ArtifactError where they are none.
        """
        check_arrays(PART, ResidualTrees, tensors)
        found = ResidualTrees(**tensors)
        check_trees(PART, found, found.root, columns, len(found.place))
        check_range(PART, tensors, {"place": places})
        if len(torch.unique(found.place)) < len(found.place):
            raise ArtifactError(f"{PART}: expected each column once")
        shared = len(found.share) == len(found.feature) and bool((found.share >= 0).all())
        if not shared or not bool((found.share.sum(1) > 0).all()):
            raise ArtifactError(f"{PART}: expected shares of something for each node")
        return found


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ResidualLink:
    """The link that draws all residuals, those of one column after another."""

    trees: ResidualTrees
    columns: tuple[int, ...]
    """The R encoded columns with residuals"""

    @property
    def column(self) -> None:
        """None: residuals are drawn, and no column."""
        return None

    def weighs(self, allowed: Mapping[int, Allowed]) -> bool:
        """Whether only a part of a piece is allowed: how likely uniform residuals lie there, shares say already."""
        drawn = {self.columns[place] for place in self.trees.place.tolist()}
        return any(column in drawn and bool((each.shares % 1 > 0).any()) for column, each in allowed.items())

    def draw(self, records: Records, allowed: Mapping[int, Allowed], random: torch.Generator) -> Tensor | None:
        """Draws the (B, R) residuals, uniform for codes that are no pieces, and those allowed of a column.

        Those that the generator proposed stay where no trees draw them, moved to between the ends where they must be.

        A record counts by how likely that was, in parts of how likely it were for uniform residuals.
        """
        trees, columns = self.trees, self.columns
        weight = torch.zeros(records.count, dtype=torch.float64)
        residuals = records.residuals
        if not records.proposed:
            residuals = 2 * torch.rand(records.count, len(columns), generator=random) - 1
        for place, column in enumerate(columns):
            if column in allowed:
                residuals[:, place] = allowed[column].place(residuals[:, place], records.code(column))
        if records.held is not None:
            residuals = torch.where(records.held[:, list(columns)], records.residuals, residuals)
        before, records.residuals = records.residuals, residuals
        values = records.ranks[:-1].float().contiguous()
        for root, place in zip(trees.root, trees.place.tolist(), strict=True):
            column, ends = columns[place], allowed.get(columns[place])
            code, some = _in_pieces(records, column)
            asked = values if len(some) == records.count else values[:, some]
            leaf = leaf_of(trees, asked, root[torch.randint(len(root), (len(some),), generator=random)])
            share, point = trees.share[leaf], torch.rand(len(leaf), generator=random, dtype=torch.float64)
            if ends is not None:
                point, likely = _between(share, point, *ends.ends(code))
                weight[some] += likely
            part, inside = pick(share, point)
            drawn = (2 * (part + inside) / share.shape[1] - 1)[:, 0].float().clamp(-1, 1)
            drawn = drawn if ends is None else ends.clamp(drawn, code)
            if records.held is not None:
                drawn = torch.where(records.held[some, column], before[some, place], drawn)
            residuals[some, place] = drawn
            values[column] += seen((residuals[:, place] + 1) / 2)
        return weight if allowed else None

    def log_prob(self, records: Records) -> Tensor:
        """See `Conditional`; 0 where residuals are uniform."""
        trees, columns, parts = self.trees, self.columns, self.trees.share.shape[1]
        total = torch.zeros(records.count, dtype=torch.float64)
        values = records.ranks[:-1].float().contiguous()
        for root, place in zip(trees.root, trees.place.tolist(), strict=True):
            inside, (_, some) = (records.residuals[:, place] + 1) / 2, _in_pieces(records, columns[place])
            part = (inside[some] * parts).long().clamp(0, parts - 1)[:, None]
            density = torch.zeros(len(some), dtype=torch.float64)
            for each in root:
                share = trees.share[leaf_of(trees, values[:, some], each.expand(len(some)).clone())].double()
                density += (share.gather(1, part) / share.sum(1, keepdim=True))[:, 0] * parts / len(root)
            total[some] += torch.log(density)
            values[columns[place]] += seen(inside)
        return total


def _in_pieces(records: Records, column: int) -> tuple[Tensor, Tensor]:
    """((n,) codes, (n,) places) of the records whose code of the column is a piece."""
    code = records.code(column)
    some = torch.nonzero(records.book.pieces[code + records.book.layout.starts[column]])[:, 0]
    return code[some], some


def _between(share: Tensor, point: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """((B,) points in [0, 1) moved to where in a leaf's (B, P) shares the ends lie, (B,) what a record counts).

    That is the logarithm of how likely the leaf draws from between the ends, in parts of how likely chance does.
    """
    before, after = _below(share, low), _below(share, high)
    inside = (after - before).clamp_min(1e-30)
    return before + point * inside, torch.log(inside / (high - low))


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
    near = nearest(ranks, FEATURES)
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


def nearest(ranks: Ranks, most: int) -> NDArray[np.int64]:
    """(C, F) for each column those that it hangs together with most closely, `most` at most, beginning with itself."""
    centred = ranks - ranks.mean(0)
    unit = centred / np.sqrt((centred**2).sum(0)).clip(1e-30)
    together = np.abs(unit.T @ unit)
    np.fill_diagonal(together, 2.0)
    order: NDArray[np.int64] = np.argsort(-together, axis=1, kind="stable")
    return order[:, :most]


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
