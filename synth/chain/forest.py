"""Forests that redraw columns, each given all the others: one sweep of a dependency network.

Given its noise the generator's columns are independent, so columns that hang together closely, such as six bills in a
row, come out blurred. Trees say how such a column is distributed given the others (Reiter 2005), and after the
generator has drawn a record its columns are redrawn one after another (pseudo-Gibbs sampling, Heckerman et al. 2000,
section 4). A leaf holds many training records.

A leaf blurs pairs of values that few records have. So the values of a column are put into groups, and a group of a leaf
is drawn with a weight for each group that the record has in another column. `synth.chain.forest_column` draws by these
arrays, `synth.training.fit_forest` makes them, and `synth.chain.raking` finds the weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from synth.arrays import array, arrays_of, check_arrays, check_range
from synth.chain import predictors
from synth.chain.predictors import Prediction
from synth.errors import ArtifactError
from synth.trees.arrays import check_trees

PART = "redraw"
"""Its name in a model file."""
PREDICTION = "prediction."
"""The names of the arrays of predictions begin so."""
MOST_SHARES = 2**26
"""Shares of groups in the leaves of all columns, at most: so much memory a file may ask for, and no more."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Forest:
    """K columns in the order in which they are redrawn, each by one of T trees; all trees together have N nodes."""

    column: Tensor = field(metadata=array(torch.int64, 1))
    """(K,) encoded columns"""
    root: Tensor = field(metadata=array(torch.int64, 2))
    """(K, T) where a column's trees begin"""
    feature: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) the encoded column that a node asks about; one more is what is predicted of the column redrawn"""
    cut: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) the highest rank that goes left"""
    left: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) the next node; a leaf is its own"""
    right: Tensor = field(metadata=array(torch.int64, 1))
    """(N,)"""
    rank: Tensor = field(metadata=array(torch.int64, 1))
    """(E,) the ranks that the leaves draw, leaf after leaf"""
    upto: Tensor = field(metadata=array(torch.float64, 1))
    """(E,) ascending: the number of the leaf, plus the share of its ranks up to and with this one"""
    group: Tensor = field(metadata=array(torch.int64, 1))
    """(D,) the group of each rank, column after column; groups are numbered through all columns, H of them"""
    weight: Tensor = field(metadata=array(torch.float32, 1))
    """(S,) for each of the K columns a table (H, its groups): the logarithms of weights, by the groups that a record
    has; where it is a group of the column itself, only the first row counts, and does so for every record"""
    predictions: Mapping[int, Prediction] = field(default_factory=dict)
    """By encoded column, of those that trees see a prediction of"""

    def __len__(self) -> int:
        return len(self.column)

    def entries(self) -> tuple[Tensor, Tensor]:
        """((E,) the leaf that each of `rank` belongs to, (E,) float64 its share of that leaf)."""
        node = self.upto.ceil().long() - 1
        share = torch.diff(self.upto, prepend=torch.zeros(1, dtype=torch.float64))
        return node, torch.minimum(share, self.upto - node)

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        held = predictors.to_tensors(self.predictions)
        return arrays_of(self) | {f"{PREDICTION}{name}": each for name, each in held.items()}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], widths: Sequence[int]) -> Forest:
        """The trees in an untrusted file, for columns with so many codes. Raises ArtifactError where they are none."""
        held = {n.removeprefix(PREDICTION): t for n, t in tensors.items() if n.startswith(PREDICTION)}
        tensors = {n: t for n, t in tensors.items() if not n.startswith(PREDICTION)}
        check_arrays(PART, Forest, tensors)
        found = Forest(**tensors, predictions=predictors.from_tensors(held, widths))
        check_trees(PART, found, found.root, len(widths) + 1, len(found.column))
        if len(found.upto) != len(found.rank) or not len(found.rank):
            raise ArtifactError(f"{PART}: expected arrays that fit one another")
        check_range(PART, tensors, {"column": len(widths), "rank": max(widths)})
        if len(torch.unique(found.column)) < len(found.column):
            raise ArtifactError(f"{PART}: expected each column once")
        if bool((torch.diff(found.upto) < 0).any()):
            raise ArtifactError(f"{PART}: expected shares that add up")
        found.check_groups(widths)
        return found

    def check_groups(self, widths: Sequence[int]) -> None:
        """Raises ArtifactError where the groups and weights are none for columns with so many codes."""
        starts = torch.tensor([0, *widths[:-1]]).cumsum(0)
        first = torch.zeros(sum(widths), dtype=torch.bool)
        first[starts] = True
        if len(self.group) != len(first) or int(self.group[0]) != 0:
            raise ArtifactError(f"{PART}: expected a group for each rank")
        step = torch.diff(self.group)
        if bool(((step < 0) | (step > 1) | (first[1:] & (step != 1))).any()):
            raise ArtifactError(f"{PART}: expected groups of neighbours, numbered through all columns")
        sizes = sizes_of(self.group, starts)[1][self.column]
        nodes = torch.diff(self.root[:, 0], append=torch.tensor([len(self.feature)]))
        if int((nodes * sizes).sum()) > MOST_SHARES:
            raise ArtifactError(f"{PART}: expected {MOST_SHARES} shares of groups at most")
        if len(self.weight) != int(sizes.sum()) * (int(self.group[-1]) + 1):
            raise ArtifactError(f"{PART}: expected a weight for each pair of groups")


def sizes_of(group: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """((C,) the first group of each column, (C,) how many it has), by (D,) groups of ranks and (C,) first ranks."""
    first = group[starts]
    return first, torch.diff(first, append=group[-1:] + 1)


def joined(parts: Sequence[Forest]) -> Forest:
    """The columns of all parts, which have the same groups, one part after another."""
    if not parts:
        return no_forest()
    begins = torch.tensor([0, *(len(part.feature) for part in parts)]).cumsum(0).tolist()
    shifted = [
        arrays_of(part) | {name: getattr(part, name) + begin for name in ("root", "left", "right", "upto")}
        for part, begin in zip(parts, begins, strict=False)
    ]
    whole = {name: torch.cat([tensors[name] for tensors in shifted]) for name in shifted[0]}
    predictions = {column: one for part in parts for column, one in part.predictions.items()}
    return Forest(**whole | {"group": parts[0].group}, predictions=predictions)


def no_forest() -> Forest:
    """No column is redrawn."""
    none = torch.zeros(0, dtype=torch.int64)
    return Forest(
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
