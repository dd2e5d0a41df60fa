"""Columns that another one determines, such as a country by its city: they follow it instead of being drawn.

Given its noise the generator's columns are independent, so two columns of which one says all about the other would
agree in most records only. Where they never disagree in training, they are not to disagree in what is emitted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from synth.encode.layout import Layout, part_of
from synth.errors import ArtifactError

CHUNK = 1_000_000
"""Records that are looked at at the same time."""
SCREENED = (5_000, 1_000_000)
"""Records on which pairs of columns are ruled out before all records are looked at."""
NO_RULE = -1
"""In place of a code: too few training records have the source's code to say what follows."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Followers:
    """F columns that follow others; no column is both a source and a follower."""

    source: Tensor
    """(F,) int64, the learnt column that determines"""
    column: Tensor
    """(F,) int64, the learnt column that follows"""
    code: Tensor
    """(F, W) int64, the follower's code for each code of its source, or NO_RULE; W is the widest source's width"""

    def __len__(self) -> int:
        return len(self.source)

    def follow(self, codes: Tensor, free: Collection[int] = ()) -> Tensor:
        """(B, C) codes in which each follower agrees with its source, but for the columns that are `free`."""
        if not len(self):
            return codes
        codes = codes.clone()
        for source, column, code in zip(self.source.tolist(), self.column.tolist(), self.code, strict=True):
            if column not in free:
                wanted = code[codes[:, source].long()].to(codes.dtype)
                codes[:, column] = torch.where(wanted == NO_RULE, codes[:, column], wanted)
        return codes

    def cpu(self) -> Followers:
        """The same, in the host's memory."""
        return Followers(**{name: tensor.cpu() for name, tensor in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], widths: Sequence[int]) -> Followers:
        """The followers in an untrusted file, for columns with so many codes. Raises ArtifactError on anything else."""
        if set(tensors) != {f.name for f in fields(Followers)} or any(t.dtype != torch.int64 for t in tensors.values()):
            raise ArtifactError("follow: expected the arrays of columns that follow others")
        found = Followers(**tensors)
        if found.source.ndim != 1 or found.column.shape != found.source.shape or found.code.ndim != 2:
            raise ArtifactError("follow: expected arrays that fit one another")
        shape = (len(found.source), found.code.shape[1])
        if found.code.shape != shape:
            raise ArtifactError("follow: expected arrays that fit one another")
        columns = [*found.source.tolist(), *found.column.tolist()]
        if any(not 0 <= c < len(widths) for c in columns) or set(columns[: shape[0]]) & set(columns[shape[0] :]):
            raise ArtifactError("follow: expected learnt columns that do not follow one another round")
        for source, column, code in zip(columns[: shape[0]], columns[shape[0] :], found.code, strict=True):
            if widths[source] > shape[1] or bool((code < NO_RULE).any() or (code >= widths[column]).any()):
                raise ArtifactError("follow: expected codes that there are")
        return found


def nobody_follows() -> Followers:
    """No followers at all."""
    none = torch.zeros(0, dtype=torch.int64)
    return Followers(source=none, column=none, code=torch.zeros(0, 0, dtype=torch.int64))


def find_followers(codes: Tensor, counts: Tensor, layout: Layout, least: int, rng: np.random.Generator) -> Followers:
    """The columns that one other column determines in the training records, (records, C) `codes`, each of a person.

    Fewer than `least` records may disagree: they are not what is emitted, and none of them alone decides whether there
    is a rule. `counts` is (D,), how many records have a code; codes of fewer than `least` have no rule. Columns with
    residuals follow nobody. Of two columns that determine each other the second follows.
    """
    counted = counts >= least
    several = (layout.member.T @ counted.float() > 1).tolist()
    fixed = [c for c in range(layout.columns) if several[c] and c not in set(layout.residual_columns.tolist())]
    # whoever breaks every rule among some records does so among all of them
    looked_at = [*(part_of(codes, most, rng) for most in SCREENED if most < len(codes)), codes]
    rules: dict[tuple[int, int], Tensor] = {}
    for source in (c for c in range(layout.columns) if several[c]):
        for column in (c for c in fixed if c != source):
            rule = rule_of(looked_at, [source, column], counted[_span(layout, source)], layout.sizes[column], least)
            if rule is not None:
                rules[source, column] = rule
    first = {pair: rule for pair, rule in rules.items() if pair[::-1] not in rules or pair[0] < pair[1]}
    following = {column for _, column in first}
    chosen: dict[int, tuple[int, int, Tensor]] = {}
    for source, column in sorted(first):
        if source not in following and column not in chosen:
            chosen[column] = (source, column, first[source, column])
    return _packed([chosen[column] for column in sorted(chosen)], codes.device)


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


def _packed(rules: Sequence[tuple[int, int, Tensor]], device: torch.device) -> Followers:
    if not rules:
        return nobody_follows()
    code = torch.full((len(rules), max(len(rule) for _, _, rule in rules)), NO_RULE, device=device)
    for number, (_, _, rule) in enumerate(rules):
        code[number, : len(rule)] = rule
    both = torch.tensor([[source, column] for source, column, _ in rules], device=device)
    return Followers(source=both[:, 0], column=both[:, 1], code=code)


def _span(layout: Layout, column: int) -> slice:
    start = int(layout.starts[column])
    return slice(start, start + int(layout.widths[column]))
