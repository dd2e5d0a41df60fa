"""Values of people whom the generator should never have seen: does the synthetic table hold more than chance gives?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from privacy.evidence import Evidence
from privacy.exchangeable import Excess, found
from privacy.lookups import LookUp, Side, Tally
from privacy.strata import chance_of_as_many

MOST_FOUND, MORE_FOUND = 0.01, 3.0
"""A generator that never saw holdout gives away at most this share of it, plus so many times what train holds of it by
chance. It gives no more than fresh people would, unless it keeps to the most frequent records: hence the margin."""
UNLIKE = 0.001
"""The level at which one of holdout and reference is nearer to train, so that they cannot stand for one another."""
MOST_DECIMALS = 9
MOST_STEPS = 2.0**52

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One test of whether the synthetic table knows values of a side."""

    excess: Excess
    n: int
    """How many values of the side were looked for."""
    name: str
    """What was looked for: the column, or what was searched for in text."""


def beyond_chance(hits: int, n: int, chance: float) -> Excess:
    """Whether more of n were found than a generator gives away that never saw them: see MOST_FOUND."""
    if n == 0:
        return Excess(p_value=1.0, records=0.0)
    most = min(1.0, MOST_FOUND + MORE_FOUND * chance)
    return Excess(p_value=float(binom.sf(hits - 1, n, most)), records=hits - chance * n)


def sightings(evidence: Evidence, *, compare: bool) -> tuple[list[Sighting], list[Sighting]]:
    """The tests for holdout, and for the reference.

    Each thing that is looked up, and each column of numbers or dates with nearly unique values. With `compare`, if
    holdout and reference may stand for one another, there are two tests: of one against the other, and of either alone
    against what train holds of it. In both a value counts that neither has in common with the other. A value that has
    the same form and is nobody's in particular (its last digit is another) tells how densely the synthetic table fills
    the numbers that there are.
    """
    sides: tuple[list[Sighting], list[Sighting]] = ([], [])
    more = max(1.0, len(evidence.synthetic_keys) / len(evidence.train_keys))
    for look_up in evidence.other_look_ups:
        if not look_up.counter:
            other = replace(look_up, train=look_up.holdout, holdout=look_up.train, decoys=look_up.decoys[::-1])
            for place, each in zip(sides, (look_up, other), strict=True):
                place.extend(_looked_up(each, more, compare=compare))
    for name in evidence.holdout_cells.numbers:
        for place, tests in zip(sides, _numbers(evidence, name, more, compare=compare), strict=True):
            place.extend(tests)
    return sides


def _looked_up(look_up: LookUp, more: float, *, compare: bool) -> Iterator[Sighting]:
    """Tests of what holdout has, which stands in train's place."""
    side, decoys = look_up.train, look_up.decoys[0]
    n, hits = len(side.strata), _hits(side, look_up.published)
    if n == 0:
        return
    chance = max(more * _hits(side, look_up.known) / n, decoys.found / max(1, decoys.n))
    yield Sighting(excess=beyond_chance(hits, n, min(1.0, chance)), n=n, name=look_up.name)
    if not compare:
        return
    strata = look_up.strata()
    expected = sum(s.train * s.holdout_found / s.holdout for s in strata)
    p_value = 1.0 if _is_unlike(look_up) else chance_of_as_many(strata)
    records = sum(s.train_found for s in strata) - expected
    yield Sighting(excess=Excess(p_value=p_value, records=records), n=n, name=look_up.name)


def _hits(side: Side, published: NDArray[np.uint64]) -> int:
    return int(side.found(published).sum())


def _is_unlike(look_up: LookUp) -> bool:
    """Whether one of the sides has more in common with train, or with numbers that are nobody's."""
    mine, theirs = look_up.decoys
    return chance_of_as_many(replace(look_up, published=look_up.known).strata()) <= UNLIKE or _more(mine, theirs)


def _more(mine: Tally, theirs: Tally) -> bool:
    if not mine.n or not theirs.n:
        return False
    return found(mine.found, mine.n, theirs.found, theirs.n).p_value <= UNLIKE


def _numbers(evidence: Evidence, name: str, more: float, *, compare: bool) -> tuple[list[Sighting], list[Sighting]]:
    """Tests of one column with nearly unique numbers, for holdout and for the reference."""
    train, holdout, synthetic = (
        cells.numbers[name] for cells in (evidence.train_cells, evidence.holdout_cells, evidence.synthetic_cells)
    )
    reference = np.empty(0) if evidence.reference_cells is None else evidence.reference_cells.numbers[name]
    unit = _unit(np.concatenate([train, holdout]))
    learnt, published = (_steps(values, unit) for values in (train, synthetic))
    held = [_steps(values, unit) for values in (holdout, reference)]
    told: list[list[Sighting]] = [[], []]
    for place, (mine, theirs) in zip(told, (held, held[::-1]), strict=True):
        if not len(mine):
            continue
        seen, other, common, others_common, decoys, other_decoys = (
            Tally(found=int(np.isin(values, known).sum()), n=len(values))
            for values, known in (
                (mine, published),
                (theirs, published),
                (mine, learnt),
                (theirs, learnt),
                (mine + 1, published),
                (theirs + 1, published),
            )
        )
        chance = max(more * common.found / common.n, decoys.found / decoys.n)
        excess = beyond_chance(seen.found, seen.n, min(1.0, chance))
        place.append(Sighting(excess=excess, n=seen.n, name=name))
        if compare and len(theirs):
            is_unlike = _more(common, others_common) or _more(decoys, other_decoys)
            against = found(seen.found, seen.n, other.found, other.n)
            p_value = 1.0 if is_unlike else against.p_value
            place.append(Sighting(excess=replace(against, p_value=p_value), n=seen.n, name=name))
    return told[0], told[1]


def _unit(values: Floats) -> float:
    """The step between neighbouring values of the column: 0.01 for amounts in cents, a day in microseconds for days."""
    present = np.unique(values[np.isfinite(values)])
    if len(present) < 2:
        return 1.0
    largest = max(1.0, float(np.abs(present).max()))
    for decimals in range(MOST_DECIMALS + 1):
        scale = 10.0**decimals
        if largest * scale > MOST_STEPS:
            break
        if np.allclose(present * scale, np.round(present * scale), rtol=0, atol=1e-3):
            whole = np.diff(np.round(present * scale).astype(np.int64))
            return float(np.gcd.reduce(whole)) / scale
    return 1.0 / scale


def _steps(values: Floats, unit: float) -> Steps:
    """The values that are there as numbers of steps."""
    present = values[np.isfinite(values)]
    steps: Steps = np.clip(np.round(present / unit), -MOST_STEPS, MOST_STEPS).astype(np.int64)
    return steps
