"""Functional dependencies: a column that another one determines, such as the country of a city, is looked up.

Given its noise the generator's columns are independent, so two columns of which one says all about the other would
agree in most records only. Where they never disagree in training, they are not to disagree in what is emitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from synth.arrays import array, arrays_of, check_arrays, check_range
from synth.chain.base import Allowed, Records
from synth.encode.layout import Layout, part_of
from synth.errors import ArtifactError

PART = "follow"
"""Its name in a model file."""
CHUNK = 1_000_000
"""Records that are looked at at the same time."""
COLUMNS_AT_ONCE = 128
"""Columns that are screened at the same time."""
SCREENED = (5_000, 1_000_000)
"""Records on which pairs of columns are ruled out before all records are looked at."""
NO_RULE = -1
"""In place of a code: too few training records have the source's code to say what it determines."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dependency:
    """The link of one column that another one determines."""

    source: int
    column: int
    code: Tensor
    """(W,) the column's code for each code of its source, or NO_RULE"""

    def weighs(self, allowed: Mapping[int, Allowed]) -> bool:  # noqa: ARG002 - of the protocol
        """False: a condition on the column is one on its source, see `synth.conditions.by_sources`."""
        return False

    def draw(self, records: Records, allowed: Mapping[int, Allowed], random: torch.Generator) -> None:  # noqa: ARG002
        """Looks the column up. Where there is no rule it stays as it was."""
        wanted = self.code[records.code(self.source)]
        rank = records.rank_of(self.column, wanted.clamp_min(0))
        records.put(self.column, torch.where(wanted == NO_RULE, records.ranks[self.column], rank))

    def log_prob(self, records: Records) -> Tensor:
        """0 where the column is as the rule says, or there is none; -inf elsewhere."""
        wanted = self.code[records.code(self.source)]
        agrees = (wanted == NO_RULE) | (wanted == records.code(self.column))
        return torch.where(agrees, 0.0, -torch.inf).double()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dependencies:
    """F columns that others determine; no column is both a source and determined."""

    source: Tensor = field(metadata=array(torch.int64, 1))
    """(F,) the encoded column that determines"""
    column: Tensor = field(metadata=array(torch.int64, 1))
    """(F,) the encoded column that is determined"""
    code: Tensor = field(metadata=array(torch.int64, 2))
    """(F, W) the column's code for each code of its source, or NO_RULE; W is the widest source's width"""

    def __len__(self) -> int:
        return len(self.source)

    def links(self) -> tuple[Dependency, ...]:
        """A link for each column."""
        pairs = zip(self.source.tolist(), self.column.tolist(), self.code, strict=True)
        return tuple(Dependency(source=source, column=column, code=code) for source, column, code in pairs)

    def named(self, names: Sequence[str]) -> frozenset[str]:
        """The columns that determine others or are determined, of encoded columns with these names."""
        return frozenset(names[place] for place in (*self.source.tolist(), *self.column.tolist()))

    def apply(self, codes: Tensor) -> Tensor:
        """(B, C) codes in which each column is as its source says."""
        if not len(self):
            return codes
        codes = codes.clone()
        for link in self.links():
            wanted = link.code[codes[:, link.source].long()].to(codes.dtype)
            codes[:, link.column] = torch.where(wanted == NO_RULE, codes[:, link.column], wanted)
        return codes

    def cpu(self) -> Dependencies:
        """The same, in the host's memory."""
        return Dependencies(**{name: tensor.cpu() for name, tensor in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        return arrays_of(self)

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], widths: Sequence[int]) -> Dependencies:
        """The dependencies in an untrusted file, for columns with so many codes. Raises ArtifactError on others."""
        check_arrays(PART, Dependencies, tensors)
        check_range(PART, tensors, {"source": len(widths), "column": len(widths)})
        found = Dependencies(**tensors)
        if not len(found.source) == len(found.column) == len(found.code):
            raise ArtifactError(f"{PART}: expected arrays that fit one another")
        if set(found.source.tolist()) & set(found.column.tolist()):
            raise ArtifactError(f"{PART}: expected no column that is both a source and determined")
        for link in found.links():
            known = bool((link.code >= NO_RULE).all() and (link.code < widths[link.column]).all())
            if widths[link.source] > len(link.code) or not known:
                raise ArtifactError(f"{PART}: expected a code of the column for each code of its source")
        return found


def no_dependencies() -> Dependencies:
    """None at all."""
    none = torch.zeros(0, dtype=torch.int64)
    return Dependencies(source=none, column=none, code=torch.zeros(0, 0, dtype=torch.int64))


def find_dependencies(
    codes: Tensor, counts: Tensor, layout: Layout, least: int, rng: np.random.Generator
) -> Dependencies:
    """The columns that another one determines in the training records, (records, C) `codes`, each of a person.

    Fewer than `least` records may disagree: they are not what is emitted, and none of them alone decides whether there
    is a rule. `counts` is (D,), how many records have a code; codes of fewer than `least` have no rule. Columns with
    residuals are determined by none. Of two columns that determine each other the second is.
    """
    counted = counts >= least
    several = (layout.member.T @ counted.float() > 1).tolist()
    fixed = [c for c in range(layout.columns) if several[c] and c not in set(layout.residual_columns.tolist())]
    # whoever breaks every rule among some records does so among all of them
    looked_at = [*(part_of(codes, most, rng) for most in SCREENED if most < len(codes)), codes]
    rules: dict[tuple[int, int], Tensor] = {}
    for source in (c for c in range(layout.columns) if several[c]):
        may_be = possible(looked_at[0], source, fixed, counted[_span(layout, source)], least)
        for column in (c for c in may_be if c != source):
            rule = rule_of(looked_at, [source, column], counted[_span(layout, source)], layout.sizes[column], least)
            if rule is not None:
                rules[source, column] = rule
    first = {pair: rule for pair, rule in rules.items() if pair[::-1] not in rules or pair[0] < pair[1]}
    determined = {column for _, column in first}
    chosen: dict[int, tuple[int, int, Tensor]] = {}
    for source, column in sorted(first):
        if source not in determined and column not in chosen:
            chosen[column] = (source, column, first[source, column])
    return _packed([chosen[column] for column in sorted(chosen)], codes.device)


def possible(codes: Tensor, source: int, columns: Sequence[int], known: Tensor, least: int) -> list[int]:
    """Those of the columns of which (records, C) codes do not rule out at once that the source determines them.

    Records of the same `known` code of the source lie side by side here. Each that disagrees with most of them makes
    the column change twice at most, so a column that changes `2 * least` times has as many who disagree.
    """
    own = codes[:, source].long()
    order = torch.argsort(own, stable=True)
    order = order[known[own[order]]]
    same = (own[order][1:] == own[order][:-1])[:, None]
    found: list[int] = []
    for some in torch.split(torch.tensor(columns, dtype=torch.long, device=codes.device), COLUMNS_AT_ONCE):
        beside = codes[:, some][order]
        changes = ((beside[1:] != beside[:-1]) & same).sum(0)
        found.extend(some[changes < 2 * least].tolist())
    return found


def rule_of(looked_at: Sequence[Tensor], pair: list[int], known: Tensor, width: int, least: int) -> Tensor | None:
    """(W,) the code of the second column of the pair for each code of the first, by records of which the last are all.

    NO_RULE for codes that are not `known` (W,), and for those that fewer than `least` records agree on. None where
    `least` records disagree. The second column has `width` codes.
    """
    for codes in looked_at:
        rule, times = _most_frequent(codes[:, pair], known, width)
        if disagreeing(rule, codes[:, pair]) >= least:
            return None
    return torch.where(times >= least, rule, NO_RULE)


def _most_frequent(pair: Tensor, known: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """((W,) the second column's most frequent code for each `known` one of the first, (W,) how often it is there)."""
    both, times = _counted(pair[:, 0].long() * width + pair[:, 1].long(), len(known) * width)
    source, code = both // width, both % width
    most = torch.zeros(len(known), dtype=times.dtype, device=pair.device).scatter_reduce_(0, source, times, "amax")
    best = torch.where(times == most[source], code, width)
    rule = torch.full((len(known),), width, device=pair.device).scatter_reduce_(0, source, best, "amin")
    return torch.where(known & (rule < width), rule, NO_RULE), most


def _counted(cells: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """(the cells that there are, ascending, how often each is), from (records,) numbers below `most`."""
    if most > len(cells):
        there, times = torch.unique(cells, return_counts=True)
        return there, times
    # counting takes a tenth of the time of sorting, but memory for all cells
    times = torch.bincount(cells, minlength=most)
    there = torch.nonzero(times)[:, 0]
    return there, times[there]


def disagreeing(rule: Tensor, pair: Tensor) -> int:
    """How many of these (records, 2) codes are not as the rule says."""
    found = 0
    for part in torch.split(pair, CHUNK):
        wanted = rule[part[:, 0].long()]
        found += int(((wanted != NO_RULE) & (wanted != part[:, 1])).sum())
    return found


def _packed(rules: Sequence[tuple[int, int, Tensor]], device: torch.device) -> Dependencies:
    if not rules:
        return no_dependencies()
    code = torch.full((len(rules), max(len(rule) for _, _, rule in rules)), NO_RULE, device=device)
    for number, (_, _, rule) in enumerate(rules):
        code[number, : len(rule)] = rule
    both = torch.tensor([[source, column] for source, column, _ in rules], device=device)
    return Dependencies(source=both[:, 0], column=both[:, 1], code=code)


def _span(layout: Layout, column: int) -> slice:
    start = int(layout.starts[column])
    return slice(start, start + int(layout.widths[column]))
