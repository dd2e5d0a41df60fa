"""Lays a plant into the very table under audit, so that the report can say what each attack would have seen.

The carrier of a plant is the synthetic table under audit itself, and the people planted are those under attack: the
attack is shown exactly this release, had this share of its training records been remembered. Records are added and the
others stay in place, so only distances to the added ones are computed anew. A table that leaks already is a carrier
like any other, because "caught" asks for more than the attack finds without the plant.

Only the reference has people to spare for a table of fresh rows: half of it plays the synthetic table, the other half
the reference. An attack that finds a leak there has raised a false alarm.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from privacy.canonical import MISSING, Canonical, Keys, record_keys
from privacy.cells import MISSING_CELL, NO_MATCH, Cells
from privacy.columns import usable
from privacy.distance import Codes, Encoded, Numbers
from privacy.evidence import Evidence
from privacy.plants import COLUMNS, COPIED, PERSONAL_SHARE, PERSONAL_SHARE_BESIDE_CHANCE, PERSONAL_VALUES, Plant

T = TypeVar("T", bound=np.generic)
FEWEST_FRESH = 500
MOST_OUTLIERS = 50
JITTER = 0.05


def carrier(evidence: Evidence) -> Evidence:
    """The evidence that plants are laid into: look-ups see the same people as distances, those under attack."""
    return replace(
        evidence,
        train_keys=evidence.train_keys.take(evidence.attacked_train),
        holdout_keys=evidence.holdout_keys.take(evidence.attacked_holdout),
        train_cells=evidence.train_cells.take(evidence.attacked_train),
        holdout_cells=evidence.holdout_cells.take(evidence.attacked_holdout),
        train_records=None,
        holdout_records=None,
        attacked_train=np.arange(len(evidence.train)),
        attacked_holdout=np.arange(len(evidence.holdout)),
    )


def with_plant(
    plant: Plant, base: Evidence, rng: np.random.Generator, *, of_synthetic: bool = False
) -> Evidence | None:
    """The carrier with this plant laid into it, or None where the table has nothing to make it from.

    Copies are that share of the people under attack or, for statistics that count synthetic records (`of_synthetic`),
    of the synthetic table: it may have more records than people are under attack, or fewer.
    """
    if plant is Plant.JITTERED_COPY:
        rows, moved = _jittered(base, JITTER, rng)
        return base.with_synthetic(rows, _unseen(base.train_keys), moved)
    if plant in COPIED:
        whole = len(base.synthetic_keys) if of_synthetic else len(base.train)
        count = max(1, round(COPIED[plant] * whole))
        return _with_copies(base, rng.permutation(len(base.train))[:count])
    if plant is Plant.OUTLIERS:
        isolated = np.argsort(-base.near.train_isolation, kind="stable")
        return _with_copies(base, isolated[: min(MOST_OUTLIERS, _count(0.01, base))])
    if plant is Plant.PERSONAL:
        return _with_personal_data(base, rng)
    return _column_copied(base, COLUMNS[plant], rng) if plant in COLUMNS else _fresh(base, rng)


def _with_personal_data(base: Evidence, rng: np.random.Generator) -> Evidence:
    planted = []
    for look_up in base.look_ups:
        beside_chance = any(stratum.holdout_found for stratum in look_up.strata())
        share = PERSONAL_SHARE_BESIDE_CHANCE if beside_chance else PERSONAL_SHARE
        count = max(PERSONAL_VALUES, round(share * len(look_up.train.strata)))
        planted.append(look_up.planted(count, rng))
    return replace(base, look_ups=tuple(planted))


def _count(share: float, base: Evidence) -> int:
    return max(1, round(share * len(base.train)))


def _with_copies(base: Evidence, rows: NDArray[np.intp]) -> Evidence:
    return base.with_added(base.train.take(rows), base.train_keys.take(rows), base.train_cells.take(rows))


def _jittered(base: Evidence, share: float, rng: np.random.Generator) -> tuple[Encoded, Cells]:
    # Standard deviation over records that lie within the spread of the 1st to 99th percentile, which is 1 by encoding.
    rows, cells = base.train, base.train_cells
    spread = np.clip(rows.numbers, -1, 1).std(axis=1, keepdims=True)
    noise = rng.standard_normal(rows.numbers.shape, dtype=np.float32)
    numbers: Numbers = (rows.numbers + np.float32(share) * spread * noise).astype(np.float32)
    sources = tuple(_redrawn(len(rows), share, rng) for _ in rows.codes)
    codes: tuple[Codes, ...] = tuple(column[source] for column, source in zip(rows.codes, sources, strict=True))
    moved = dict(cells.columns)
    for place in usable(base.columns):
        column = cells.columns[place.name] if place.code is None else cells.columns[place.name][sources[place.code]]
        # A number that was moved agrees with nobody's, and one that is missing stays missing.
        agrees = column if place.number is None else np.where(column == MISSING_CELL, MISSING_CELL, NO_MATCH)
        moved[place.name] = agrees.astype(np.int32)
    unseen = {name: np.full(len(cells), np.nan) for name in cells.numbers}
    return Encoded(numbers=numbers, codes=codes), Cells(columns=moved, numbers=unseen, size=len(cells))


def _redrawn(n: int, share: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """Per record the record that it takes its category from: itself, or with this probability one drawn at random."""
    source = np.arange(n)
    hit = rng.random(n) < share
    source[hit] = rng.integers(0, n, int(hit.sum()))
    return source


def _unseen(keys: Canonical) -> Canonical:
    """Keys that match none: what a jittered copy looks like to somebody who looks for equal values."""

    def flip(cells: Keys) -> Keys:
        return cells ^ np.uint64(0xA5A5A5A5A5A5A5A5)

    return Canonical(records=flip(keys.records), values={name: flip(cells) for name, cells in keys.values.items()})


def _column_copied(base: Evidence, share: float, rng: np.random.Generator) -> Evidence:
    """Only the look-ups see this plant: one column is too little for a distance, so the distances stay as they were."""
    values = base.train_keys.values
    alone = {name: _held_alone(keys, base.holdout_keys.values[name]) for name, keys in values.items()}
    richest = max(alone, key=lambda name: len(alone[name]))
    published, n = base.synthetic_keys, len(base.synthetic_keys)
    source = rng.permutation(alone[richest])[: min(_count(share, base), n)]
    into = rng.permutation(n)[: len(source)]
    keys = {**published.values, richest: _put(published.values[richest], into, values[richest][source])}
    codes, numbers = dict(base.synthetic_cells.columns), dict(base.synthetic_cells.numbers)
    codes[richest] = _put(codes[richest], into, base.train_cells.columns[richest][source])
    if richest in numbers:
        numbers[richest] = _put(numbers[richest], into, base.train_cells.numbers[richest][source])
    return replace(
        base,
        synthetic_keys=Canonical(records=record_keys(keys, n), values=keys),
        synthetic_cells=Cells(columns=codes, numbers=numbers, size=n),
    )


def _held_alone(train: Keys, holdout: Keys) -> NDArray[np.intp]:
    """The records of train with a value that nobody else of train and holdout has."""
    keys, times = np.unique(np.concatenate([train, holdout]), return_counts=True)
    return np.flatnonzero(np.isin(train, keys[(times == 1) & (keys != MISSING)]))


def _put(column: NDArray[T], into: NDArray[np.intp], cells: NDArray[T]) -> NDArray[T]:
    changed = column.copy()
    changed[into] = cells
    return changed


def _fresh(base: Evidence, rng: np.random.Generator) -> Evidence | None:
    reference, keys, cells = base.reference, base.reference_keys, base.reference_cells
    if reference is None or keys is None or cells is None or len(reference) < FEWEST_FRESH:
        return None
    order = rng.permutation(len(reference))
    half = len(order) // 2
    rows = order[:half]
    planted = base.with_synthetic(reference.take(rows), keys.take(rows), cells.take(rows))
    return planted.with_reference(reference.take(order[half:]))
