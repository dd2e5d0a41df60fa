"""Finds one-hot groups: columns of 0 and 1 of which each record has exactly one 1."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.detect.proof import LEAST_KEPT, SURE_KEPT, FoundRule, Sample
from synth.errors import RuleError
from synth.protection import HOLDERS
from synth.rules.numbers import Numbers, numbers_of
from synth.rules.rule import OneHot


def find_groups(sample: Sample) -> Iterator[FoundRule]:
    """One-hot groups."""
    binary = [name for name in sample.numeric(categories=True) if _is_binary(sample.cells[name])]
    ones = {name: np.nan_to_num(numbers_of(sample.cells[name])) for name in binary}
    taken = set[str]()
    for at, name in enumerate(binary):
        if name in taken:
            continue
        group = exclusive_group(binary[at:], ones, taken)
        found = sample.proved(OneHot(columns=tuple(group))) if len(group) > 1 else None
        if found is not None:
            taken |= set(group)
            yield found


def _is_binary(column: pd.Series) -> bool:
    if column.nunique() > 2:
        return False
    try:
        return set(np.unique(numbers_of(column.dropna()))) <= {0.0, 1.0}
    except RuleError:
        return False


def exclusive_group(names: Sequence[str], ones: dict[str, Numbers], taken: set[str]) -> list[str]:
    """The columns of which each record has one, beginning with the first; one column where there is no such group."""
    group, total = [names[0]], ones[names[0]]
    for name in names[1:]:
        full = _nearly_all(total > 0)
        if full and _stem(name) != _stem(group[-1]):
            break
        overlap = int(((total > 0) & (ones[name] > 0)).sum())
        if name not in taken and overlap < max(HOLDERS, (1 - SURE_KEPT) * len(total)):
            group.append(name)
            total = total + ones[name]
    return group if _nearly_all(total > 0) else group[:1]


def _nearly_all(met: NDArray[np.bool_]) -> bool:
    """Whether nearly all records are so: fewer than HOLDERS of them do not decide."""
    return int((~met).sum()) < max(HOLDERS, (1 - LEAST_KEPT) * len(met))


def _stem(name: str) -> str:
    return re.sub(r"\d+\Z", "", name)
