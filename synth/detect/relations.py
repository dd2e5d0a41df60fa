"""Sums and products that hold between columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synth.rules.numbers import Numbers, tolerance_of
from synth.rules.rule import Linear, Product

TRIES = 6
"""Draws of records by which sums are sought: a record that breaks a sum hides it from the draw that it is in."""
MOST_TERMS = 8
"""Columns in a sum, at most."""
MOST_FACTORED = 60
"""With more columns no products are sought: their number rises with the cube."""
PRODUCT_RECORDS = 60
EXACT = 1e-7
"""How far a sum may lie from the column, by the column's size."""
LARGEST = 100_000
"""Multiples and constants, at most."""
SCALES = (1, 2, 7, 10, 12, 24, 60, 100, 1_000, 1_440, 3_600, 10_000, 86_400)
"""What a sum is multiplied by to have whole multiples."""


def find_sums(
    table: Numbers, names: Sequence[str], dates: Sequence[bool], rng: np.random.Generator
) -> Iterator[Linear]:
    """Sums that some of the records keep, each once; the (records, C) table has no missing cell.

    Columns are gone through from left to right: one that the columns before it give exactly is a sum of them.
    """
    found = dict[Linear, None]()
    size = 2 * len(names) + 24
    if len(table) < size:
        return
    for _ in range(TRIES):
        some = table[rng.choice(len(table), size, replace=False)]
        for rule in _eliminated(some, names, dates):
            if rule not in found:
                found[rule] = None
                yield rule


def _eliminated(some: Numbers, names: Sequence[str], dates: Sequence[bool]) -> Iterator[Linear]:
    """The sums among a few records, by Gram-Schmidt orthogonalisation."""
    ones = np.ones(len(some))
    basis, free = np.empty((some.shape[1] + 1, len(some))), list[int]()
    basis[0], size = ones / np.sqrt(len(some)), 1
    for column in range(some.shape[1]):
        x = some[:, column]
        if np.ptp(x) == 0:
            continue
        rest = x - x.mean()
        for _ in range(2):  # once more, for what rounding left
            rest = rest - basis[:size].T @ (basis[:size] @ rest)
        if np.abs(rest).max() > EXACT * np.abs(x - x.mean()).max():
            basis[size], size = rest / np.linalg.norm(rest), size + 1
            free.append(column)
        elif free:
            weights = np.linalg.lstsq(np.column_stack([some[:, free], ones]), x, rcond=None)[0]
            rule = _whole_sum([*free, column], np.r_[weights[:-1], -1.0], float(weights[-1]), names, dates)
            if rule is not None:
                yield rule


def _whole_sum(
    columns: list[int], weights: Numbers, constant: float, names: Sequence[str], dates: Sequence[bool]
) -> Linear | None:
    """The sum with whole multiples, of which one column is the target; None where there is no such sum."""
    for scale in SCALES:
        whole, least = np.rint(weights * scale), constant * scale
        if np.abs(weights * scale - whole).max() < 1e-4 and abs(least - round(least)) < 1e-3:
            terms = {column: int(w) for column, w in zip(columns, whole, strict=True) if w}
            return _solved(terms, round(least), names, dates)
    return None


def _solved(terms: dict[int, int], constant: int, names: Sequence[str], dates: Sequence[bool]) -> Linear | None:
    """The sum of 0 solved for one column: all others add up to it where that can be."""
    if not 2 <= len(terms) <= MOST_TERMS + 1 or max(map(abs, [*terms.values(), constant])) > LARGEST:
        return None
    if sum(weight for column, weight in terms.items() if dates[column]) and any(dates[c] for c in terms):
        return None
    alone = [c for c, w in terms.items() if abs(w) == 1]
    whole = [c for c in alone if all(w * terms[c] < 0 for o, w in terms.items() if o != c)]
    moments = [c for c in whole if dates[c]]
    if not alone:
        return None
    target = (moments or whole or alone)[-1]
    sign = -terms[target]
    return Linear(
        target=names[target],
        terms=tuple((sign * w, names[c]) for c, w in sorted(terms.items()) if c != target),
        constant=sign * constant,
    )


def find_products(table: Numbers, names: Sequence[str]) -> Iterator[Product]:
    """Products of two columns that the first records keep; the (records, C) table has no missing cell."""
    some = table[:PRODUCT_RECORDS]
    varied = [c for c in range(some.shape[1]) if np.ptp(some[:, c]) > 0]
    if not 3 <= len(varied) <= MOST_FACTORED:
        return
    for a, b in combinations(varied, 2):
        total = some[:, a] * some[:, b]
        for target in varied:
            if target not in (a, b) and _mostly(
                np.abs(some[:, target] - total) <= tolerance_of(some[:, target], total)
            ):
                yield Product(target=names[target], factors=(names[a], names[b]))


def _mostly(kept: NDArray[np.bool_]) -> bool:
    return bool(kept.mean() >= 0.9)
