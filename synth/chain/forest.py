"""Columns that are drawn anew, each given all the others: one round of a dependency network.

Given its noise the generator's columns are independent, so columns that hang together closely, such as six bills in a
row, come out blurred. Trees say how such a column is distributed given the others (Reiter 2005), and after the
generator has drawn a record its columns are drawn anew, one after another (pseudo-Gibbs sampling, Heckerman et al.
2000, section 4). A leaf holds many training records.

A leaf blurs pairs of values that few records have. So the values of a column are put into groups, and a group of a leaf
is drawn with a weight for each group that the record has in another column. See `synth.training.fit_forest` for how
the trees come to be, and `synth.chain.raking` for how the weights do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache

import torch
from torch import Tensor

from synth.chain import predictors as predict
from synth.chain.predictors import Prediction
from synth.chain.stratified import BELOW_ONE, pick, spread
from synth.encode.layout import Absent, Layout
from synth.encode.ranking import Ranking
from synth.errors import ArtifactError
from synth.trees.arrays import check_trees, leaf_of

FARTHEST = 5.0
"""All weights together raise a group of a leaf by this factor at most, and lower it to one part in so many, before
shares are made to add up to 1 again."""
LARGEST_SUM = 40.0
"""Sums of logarithms are cut here: beyond it their exponentials are no longer finite."""
PREDICTION = "prediction."
"""The names of their arrays begin so."""
MOST_SHARES = 2**26
"""Shares of groups in the leaves of all columns, at most: so much memory a file may ask for, and no more."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Redraw:
    """K columns in the order in which they are drawn anew, each by one of T trees; all trees together have N nodes."""

    column: Tensor
    """(K,) int64, learnt columns"""
    root: Tensor
    """(K, T) int64, where a column's trees begin"""
    feature: Tensor
    """(N,) int64, the learnt column that a node asks about; one more is what is predicted of the column drawn"""
    cut: Tensor
    """(N,) int64, the highest rank that goes left"""
    left: Tensor
    """(N,) int64, the next node; a leaf is its own"""
    right: Tensor
    """(N,) int64"""
    rank: Tensor
    """(E,) int64, the ranks that the leaves draw, leaf after leaf"""
    upto: Tensor
    """(E,) float64, ascending: the number of the leaf, plus the share of its ranks up to and with this one"""
    group: Tensor
    """(D,) int64, the group of each rank, column after column; groups are numbered through all columns, H of them"""
    weight: Tensor
    """(S,) float32, for each of the K columns a table (H, its groups): the logarithms of weights, by the groups that a
    record has; where it is a group of the column itself, only the first row counts, and does so for every record"""
    predictions: Mapping[int, Prediction] = field(default_factory=dict)
    """By learnt column, of those that trees see a prediction of"""

    def __len__(self) -> int:
        return len(self.column)

    def apply(
        self,
        codes: Tensor,
        ranking: Ranking,
        layout: Layout,
        random: torch.Generator,
        settled: Mapping[int, Absent] | None = None,
    ) -> Tensor:
        """(B, C) codes with the columns drawn anew; of those `settled`, missing values neither come nor go."""
        if not len(self):
            return codes
        records = self.begin(codes, ranking, layout)
        for turn in self.turns(layout):
            before = records.ranks[turn.column].clone()
            drawn = self.draw(turn.inside, self.reach(turn, records, random), records.groups, random)
            if settled is not None and turn.column in settled:
                begin, width = layout.starts[turn.column], layout.sizes[turn.column]
                missing = ranking.place[begin + settled[turn.column].code] - begin
                drawn = drawn.clamp_max(width - 1)
                drawn = torch.where((before == missing) | (drawn == missing), before, drawn)
            records.put(turn.column, drawn)
        return records.codes().to(codes.dtype)

    def begin(self, codes: Tensor, ranking: Ranking, layout: Layout) -> Records:
        """Records of (B, C) codes, for their columns to be drawn anew one after another."""
        ranks = (ranking.place[codes + layout.starts] - layout.starts).T
        groups = self.group[ranks.T + layout.starts]
        predicted = torch.zeros_like(ranks[:1])
        ranks = torch.cat([ranks, predicted])
        return Records(ranks=ranks, groups=groups, group=self.group, order=ranking.order, layout=layout)

    def turns(self, layout: Layout) -> Iterator[Turn]:
        """The columns in the order in which they are drawn anew."""
        for column, root, inside in zip(self.column.tolist(), self.root, insides_of(self, layout), strict=True):
            yield Turn(column=column, root=root, inside=inside)

    def reach(self, turn: Turn, records: Records, random: torch.Generator) -> Tensor:
        """(B,) the leaf of each record in one of the column's trees; what it has in the column itself is forgotten."""
        records.forget(turn.column)
        node = turn.root[torch.randint(len(turn.root), (records.count,), generator=random)]
        prediction = self.predictions.get(turn.column)
        if prediction is not None:
            records.ranks[-1] = prediction.levels(records.ranks[:-1], random)
        return leaf_of(self, records.ranks, node)

    def draw(self, inside: Inside, leaf: Tensor, groups: Tensor, random: torch.Generator) -> Tensor:
        """(B,) a rank of one column for each of (B,) of its leaves, by the (B, C) groups that the records have."""
        at = leaf - inside.begin
        group, part = pick(inside.shares(at, groups), spread(leaf, random))
        within = inside.before[at].gather(1, group) + part * inside.share[at].gather(1, group)
        # the share of a leaf that is drawn stays below 1: added to the leaf's number it never comes to the next leaf
        place = torch.searchsorted(self.upto, leaf + within[:, 0].clamp_max(BELOW_ONE), right=True)
        return self.rank[place.clamp_max(len(self.rank) - 1)]

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        predictions = {f"{PREDICTION}{n}": t for n, t in predict.to_tensors(self.predictions).items()}
        return {name: getattr(self, name) for name in ARRAYS} | predictions

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], widths: Sequence[int]) -> Redraw:
        """The trees in an untrusted file, for columns with so many codes. Raises ArtifactError where they are none."""
        predictions = {n.removeprefix(PREDICTION): t for n, t in tensors.items() if n.startswith(PREDICTION)}
        tensors = {n: t for n, t in tensors.items() if not n.startswith(PREDICTION)}
        if set(tensors) != set(ARRAYS):
            raise ArtifactError("redraw: expected the arrays of trees for columns")
        found = Redraw(**tensors, predictions=predict.from_tensors(predictions, widths))
        kinds = {name: {"upto": torch.float64, "weight": torch.float32}.get(name, torch.int64) for name in tensors}
        if any(tensors[name].dtype != kind for name, kind in kinds.items()):
            raise ArtifactError("redraw: expected integers of 64 bits and shares")
        check_trees("redraw", found, len(widths) + 1, len(found.column.flatten()))
        if not (found.column.ndim == found.rank.ndim == 1 and found.upto.shape == found.rank.shape and len(found.rank)):
            raise ArtifactError("redraw: expected arrays that fit one another")
        limits = {"column": len(widths), "rank": max(widths)}
        if any(bool((tensors[n] < 0).any() or (tensors[n] >= most).any()) for n, most in limits.items()):
            raise ArtifactError("redraw: expected columns and ranks that there are")
        if len(torch.unique(found.column)) < len(found.column):
            raise ArtifactError("redraw: expected each column once")
        if not bool(torch.isfinite(found.upto).all()) or bool((torch.diff(found.upto) < 0).any()):
            raise ArtifactError("redraw: expected shares that add up")
        found.check_groups(widths)
        return found

    def check_groups(self, widths: Sequence[int]) -> None:
        """Raises ArtifactError where the groups and weights are none for columns with so many codes."""
        first = torch.zeros(sum(widths), dtype=torch.bool)
        first[torch.tensor([0, *widths[:-1]]).cumsum(0)] = True
        one_way = self.group.ndim == self.weight.ndim == 1 and len(self.group) == len(first)
        if not one_way or int(self.group[0]) != 0:
            raise ArtifactError("redraw: expected a group for each rank")
        step = torch.diff(self.group)
        if bool(((step < 0) | (step > 1) | (first[1:] & (step != 1))).any()):
            raise ArtifactError("redraw: expected groups of neighbours, numbered through all columns")
        sizes = sizes_of(self.group, torch.tensor([0, *widths[:-1]]).cumsum(0))[1][self.column]
        nodes = torch.diff(self.root[:, 0], append=torch.tensor([len(self.feature)]))
        if int((nodes * sizes).sum()) > MOST_SHARES:
            raise ArtifactError(f"redraw: expected {MOST_SHARES} shares of groups at most")
        whole = int(sizes.sum()) * (int(self.group[-1]) + 1)
        if len(self.weight) != whole or not bool(torch.isfinite(self.weight).all()):
            raise ArtifactError("redraw: expected a finite weight for each pair of groups")


ARRAYS = tuple(f.name for f in fields(Redraw) if f.name != "predictions")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Turn:
    """A column that is drawn anew."""

    column: int
    root: Tensor
    """(T,) where its trees begin"""
    inside: Inside


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Records:
    """B records whose columns are drawn anew, in place."""

    ranks: Tensor
    """(C + 1, B), the last row what was last predicted of a column"""
    groups: Tensor
    """(B, C)"""
    group: Tensor
    """(D,) the group of each rank"""
    order: Tensor
    """(D,) the flat code of each rank"""
    layout: Layout

    @property
    def count(self) -> int:
        """B."""
        return len(self.groups)

    def forget(self, column: int) -> None:
        """What a record has in the column itself says nothing about what is drawn."""
        self.groups[:, column] = self.group[self.layout.starts[column]]

    def put(self, column: int, ranks: Tensor) -> None:
        """The (B,) ranks become the column's."""
        ranks = ranks.clamp_max(self.layout.sizes[column] - 1)
        self.ranks[column] = ranks
        self.groups[:, column] = self.group[self.layout.starts[column] + ranks]

    def take(self, chosen: Tensor) -> Records:
        """Those of (N,) places."""
        return replace(self, ranks=self.ranks[:, chosen], groups=self.groups[chosen])

    def codes(self) -> Tensor:
        """(B, C) int64"""
        return self.order[self.ranks[:-1].T + self.layout.starts] - self.layout.starts


def weighted(share: Tensor, logarithms: Tensor) -> Tensor:
    """(B, G) shares of groups with weights, not quite adding up to 1: no group is raised or lowered too far."""
    factor = logarithms.clamp(-LARGEST_SUM, LARGEST_SUM).exp()
    return share * (factor / (share * factor).sum(1, keepdim=True)).clamp(1 / FARTHEST, FARTHEST)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Inside:
    """What one column is drawn by: G groups in each of its leaves, nodes counted from its first one."""

    begin: int
    """Its first node"""
    share: Tensor
    """(nodes, G) float32, the share of a leaf's records in each group"""
    before: Tensor
    """(nodes, G) float64, the share in the groups before"""
    weight: Tensor
    """(H, G) float32, the logarithms of weights"""

    def shares(self, at: Tensor, groups: Tensor) -> Tensor:
        """(B, G) shares of the groups in (B,) leaves, counted from the first, by the (B, C) groups of the records."""
        weight = torch.nn.functional.embedding_bag(groups, self.weight, mode="sum")
        return weighted(self.share[at], weight)


@lru_cache(maxsize=2)
def insides_of(redraw: Redraw, layout: Layout) -> tuple[Inside, ...]:
    """What each of the K columns is drawn by."""
    first, size = sizes_of(redraw.group, layout.starts)
    node, share = entries_of(redraw)
    begins = [*redraw.root[:, 0].tolist(), len(redraw.feature)]
    groups = int(redraw.group[-1]) + 1
    found, used = [], 0
    for number, column in enumerate(redraw.column.tolist()):
        begin, nodes, own = begins[number], begins[number + 1] - begins[number], int(size[column])
        some = (node >= begin) & (node < begin + nodes)
        held = redraw.rank[some].clamp_max(int(layout.widths[column]) - 1) + layout.starts[column]
        at = (node[some] - begin) * own + redraw.group[held] - first[column]
        table = torch.zeros(nodes * own, dtype=torch.float64).index_add_(0, at, share[some]).view(nodes, own)
        weight = redraw.weight[used : used + groups * own].view(groups, own)
        used += groups * own
        found.append(Inside(begin=begin, share=table.float(), before=table.cumsum(1) - table, weight=weight))
    return tuple(found)


def entries_of(redraw: Redraw) -> tuple[Tensor, Tensor]:
    """((E,) the leaf that each of `rank` belongs to, (E,) float64 its share of that leaf)."""
    node = redraw.upto.ceil().long() - 1
    share = torch.diff(redraw.upto, prepend=torch.zeros(1, dtype=torch.float64))
    return node, torch.minimum(share, redraw.upto - node)


def sizes_of(group: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """((C,) the first group of each column, (C,) how many it has), by (D,) groups of ranks and (C,) first ranks."""
    first = group[starts]
    return first, torch.diff(first, append=group[-1:] + 1)


def joined(parts: Sequence[Redraw]) -> Redraw:
    """The columns of all parts, which have the same groups, one part after another."""
    if not parts:
        return nothing_again()
    begins = torch.tensor([0, *(len(part.feature) for part in parts)]).cumsum(0).tolist()
    shifted = [
        {name: getattr(part, name) for name in ARRAYS}
        | {name: getattr(part, name) + begin for name in ("root", "left", "right", "upto")}
        for part, begin in zip(parts, begins, strict=False)
    ]
    whole = {name: torch.cat([tensors[name] for tensors in shifted]) for name in ARRAYS}
    predictions = {column: one for part in parts for column, one in part.predictions.items()}
    return Redraw(**whole | {"group": parts[0].group}, predictions=predictions)


def nothing_again() -> Redraw:
    """No column is drawn anew."""
    none = torch.zeros(0, dtype=torch.int64)
    return Redraw(
        column=none,
        root=none.reshape(0, 1),
        feature=none,
        cut=none,
        left=none,
        right=none,
        rank=none,
        upto=none.double(),
        group=none,
        weight=none.float(),
    )
