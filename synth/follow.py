"""Columns that another one determines, such as a country by its city: they follow it instead of being drawn.

Given its noise the generator's columns are independent, so two columns of which one says all about the other would
agree in most records only. Where they never disagree in training, they are not to disagree in what is emitted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from synth.errors import ArtifactError
from synth.layout import Layout

CHUNK = 1_000_000
"""Records that are looked at at the same time."""
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


def find_followers(pairs: Tensor, codes: Tensor, counts: Tensor, layout: Layout, least: int) -> Followers:
    """The columns that one other column determines in the training records, (records, C) `codes`, each of a person.

    Fewer than `least` records may disagree: they are not what is emitted, and none of them alone decides whether there
    is a rule. `pairs` is (D, D), the share of records that have both codes, and may be counted on a part of them;
    `counts` is (D,), how many have a code. Codes of fewer than `least` have no rule. Columns with residuals follow
    nobody. Of two columns that determine each other the second follows.
    """
    counted = counts >= least
    of_column = layout.member.T
    apart = torch.empty(layout.columns, layout.columns, device=pairs.device)
    for column in range(layout.columns):
        most = pairs[:, _span(layout, column)].amax(1)
        apart[:, column] = of_column @ ((pairs.diagonal() - most) * counted)
    several = of_column @ counted.float() > 1
    follows = (apart * len(codes) < least - 0.5) & several[:, None] & several[None, :]
    follows[:, layout.residual_columns] = False
    one = torch.eye(layout.columns, dtype=torch.bool, device=pairs.device)
    follows &= ~one & (~follows.T | torch.ones_like(follows).triu(1))
    roots = ~follows.any(0)
    rules = []
    for column in range(layout.columns):
        sources = torch.nonzero(follows[:, column] & roots)
        if len(sources):
            source = int(sources[0])
            mine = _span(layout, source)
            rule = torch.where(counted[mine], pairs[mine, _span(layout, column)].argmax(1), NO_RULE)
            if disagreeing(rule, codes[:, source], codes[:, column]) < least:
                rules.append((source, column, rule))
    return _packed(rules, pairs.device)


def disagreeing(rule: Tensor, source: Tensor, column: Tensor) -> int:
    """How many of these (records,) codes are not as the rule says."""
    found = 0
    for begin in range(0, len(source), CHUNK):
        wanted = rule[source[begin : begin + CHUNK].long()]
        found += int(((wanted != NO_RULE) & (wanted != column[begin : begin + CHUNK])).sum())
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
