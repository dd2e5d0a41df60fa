"""Leaks planted into the very table under audit, so that the report can say what each attack would have seen.

The carrier of a plant is the synthetic table under audit itself, and the people planted are those under attack: what
the attack is shown is exactly this release, had this share of its training records been remembered. Added records leave
the others in place, so all distances but those to the added ones are reused. A table that leaks already is a carrier
like any other, because "caught" asks for more than the attack finds without the plant.

Plants come in sizes. A statistic is trusted where it sees a leak of just the size that its limit speaks of: an AUC of
.55 is what a copy of every tenth record gives, a true-positive rate of 3 % at 1 % false positives that of every
fiftieth. See `size_at_limit`.

There are no spare people for a table of fresh rows but the reference: half of it plays the synthetic table, the other
half the reference. Any attack that raises its hand there has raised a false alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from privacy.canonical import MISSING, Canonical, Keys, record_keys
from privacy.cells import MISSING_CELL, NO_MATCH, Cells
from privacy.columns import usable
from privacy.distance import Codes, Encoded, Numbers
from privacy.evidence import Evidence
from privacy.finding import PLANTED_SHARE, Finding

T = TypeVar("T", bound=np.generic)

PERSONAL_SHARE, PERSONAL_VALUES, PERSONAL_SHARE_BESIDE_CHANCE = 0.01, 20, 0.2
FEWEST_FRESH = 500
MOST_OUTLIERS = 50


class Plant(StrEnum):
    """What was planted."""

    COPIED_02 = "copied_0.2_percent"
    COPIED_05 = "copied_0.5_percent"
    COPIED_1 = "copied_1_percent"
    COPIED_2 = "copied_2_percent"
    COPIED_5 = "copied_5_percent"
    COPIED_10 = "copied_10_percent"
    COPIED_20 = "copied_20_percent"
    COPIED_30 = "copied_30_percent"
    COPIED_50 = "copied_50_percent"
    """This share of the training records under attack, added to the synthetic table."""
    COPY = "copy"
    """All of them. Laid by attacks that bring their own plant: see `brought_along`."""
    JITTERED_COPY = "jittered_copy_5_percent"
    """All of them in place of the synthetic table, every number moved by 5 % of its column's spread and 5 % of the
    categories redrawn."""
    OUTLIERS = "memorised_outliers"
    """The 50 most isolated training records, or the top 1 % if that is fewer, added to the synthetic table."""
    COLUMN_1 = "copied_column_1_percent"
    COLUMN_2 = "copied_column_2_percent"
    COLUMN_5 = "copied_column_5_percent"
    """The values of this share of the training records in one column, put into the synthetic table: values that nobody
    else has, of the column with most of them."""
    PERSONAL = "personal_data"
    """One per cent of the e-mails, identifiers, names, phrases, ... that train has alone, at least PERSONAL_VALUES of
    each, put into the synthetic table; a fifth where other people's, too, are found in it by chance."""
    FRESH = "fresh_rows"
    """No leak: records of people the generator never saw. Whatever is caught here is a false alarm."""


COPIED: Mapping[Plant, float] = {
    Plant.COPIED_02: 0.002,
    Plant.COPIED_05: 0.005,
    Plant.COPIED_1: 0.01,
    Plant.COPIED_2: 0.02,
    Plant.COPIED_5: 0.05,
    Plant.COPIED_10: 0.1,
    Plant.COPIED_20: 0.2,
    Plant.COPIED_30: 0.3,
    Plant.COPIED_50: 0.5,
    Plant.COPY: 1.0,
}
"""The plants that are a share of the training records, from small to large."""
COLUMNS: Mapping[Plant, float] = {Plant.COLUMN_1: 0.01, Plant.COLUMN_2: 0.02, Plant.COLUMN_5: 0.05}
"""The plants that are a share of one column's training values."""
BESIDE_CHANCE = "personal.shared_by_chance"
"""The statistic of look-ups in which other people's personal data, too, is found by chance."""
PERSONAL: Mapping[Plant, float] = {Plant.PERSONAL: PERSONAL_SHARE}
PERSONAL_BESIDE_CHANCE: Mapping[Plant, float] = {Plant.PERSONAL: PERSONAL_SHARE_BESIDE_CHANCE}
JITTER = 0.05
COUNT_SYNTHETIC = ("replay.copied_share", "singling_out.*")
"""The statistics that are a share of the synthetic records, and not of the people of train."""
VALUES = "replay.excess_values"
"""The statistic whose plants are values of one column and not records."""

PLAN: Mapping[str, tuple[Plant, ...]] = {
    "personal": (Plant.PERSONAL,),
    "replay": (Plant.COPIED_02, Plant.COPIED_05, Plant.COPIED_1, *COLUMNS),
    "agreement": (Plant.COPIED_02, Plant.COPIED_05, Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_5),
    "proximity": (Plant.COPIED_5,),
    "membership": (
        Plant.COPIED_1,
        Plant.COPIED_2,
        Plant.COPIED_5,
        Plant.COPIED_10,
        Plant.COPIED_20,
        Plant.JITTERED_COPY,
    ),
    "density": (Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_10, Plant.JITTERED_COPY),
    "classifier": (Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_10),
    "ensemble": (Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_10, Plant.JITTERED_COPY),
    "vulnerable": (Plant.COPIED_5, Plant.COPIED_30, Plant.COPIED_50, Plant.JITTERED_COPY, Plant.OUTLIERS),
    "subgroups": (Plant.COPIED_30, Plant.COPIED_50, Plant.JITTERED_COPY),
    "attribute": (Plant.COPIED_5, Plant.COPIED_10),
    "every_cell": (Plant.COPIED_2, Plant.COPIED_5, Plant.COPIED_10),
    "linkability": (Plant.COPIED_2, Plant.COPIED_5, Plant.COPIED_10),
    "singling_out": (Plant.COPIED_5, Plant.COPIED_10),
    "reconstruction": (Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_5, Plant.COPIED_10),
}
"""The plants on which each attack is run: of the size of its limits and the next larger one (chance alone hides one
plant in forty that is no larger than its limit), and where it is cheap some beside. An attack that is not named here is
run on all."""
LAID = tuple(plant for plant in Plant if plant is not Plant.COPY)


def runs_on(attack: str, plant: Plant, *, of_synthetic: bool = False) -> bool:
    """Whether the attack is run on this plant. On fresh rows all are, but for look-ups of what no reference holds.

    Copies come in two sizes, see `with_plant`; of each attack's statistics those are told by one that count alike.
    """
    if plant not in COPIED and of_synthetic:
        return False
    if plant in COPIED and not any(is_told_by(key, plant, of_synthetic=of_synthetic) for key in _kinds(attack)):
        return False
    return attack not in PLAN or plant in PLAN[attack] or (plant is Plant.FRESH and attack != "personal")


def is_told_by(key: str, plant: Plant, *, of_synthetic: bool) -> bool:
    """Whether the plant of this size is that of the statistic `key`."""
    if plant not in COPIED:
        return not of_synthetic
    return of_synthetic == any(fnmatchcase(key, pattern) for pattern in COUNT_SYNTHETIC)


def _kinds(attack: str) -> tuple[str, ...]:
    """Keys of one statistic of the attack for each way to count."""
    counting = tuple(pattern for pattern in COUNT_SYNTHETIC if pattern.startswith(f"{attack}."))
    return counting if f"{attack}.*" in counting else (*counting, f"{attack}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What one statistic made of one plant."""

    key: str
    """The finding's `attack.statistic`."""
    plant: Plant
    caught: bool
    """The interval lies above the baseline, and the plant adds to what the carrier gives."""
    value: float
    lower: float
    upper: float

    def to_json(self) -> dict[str, object]:
        """The trial as JSON values."""
        return {
            "key": self.key,
            "plant": self.plant.value,
            "caught": self.caught,
            "value": self.value,
            "lower": self.lower,
            "upper": self.upper,
        }


def size_at_limit(key: str, baseline: float, limit: float) -> float:
    """The share of the training records (or values) whose copies raise the statistic `key` to its limit.

    A copy of a share f, told from all others, gives an AUC of (1 + f) / 2 and a true-positive rate of f + (1 - f) r at
    a false-positive rate r. Excesses and residual risks are such shares themselves.
    """
    room = limit - baseline
    return 2 * room if key.endswith("auc") else room / (1 - baseline)


def plants_of(key: str) -> Mapping[Plant, float]:
    """The plants that come in sizes for the statistic `key`, from small to large."""
    if key.startswith("personal."):
        return PERSONAL_BESIDE_CHANCE if key == BESIDE_CHANCE else PERSONAL
    return COLUMNS if key == VALUES else COPIED


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


def trials_of(plant: Plant, findings: tuple[Finding, ...], without: tuple[Finding, ...]) -> tuple[Trial, ...]:
    """One trial per statistic that was measured on the plant; `without` are the findings on the carrier alone."""
    own = {} if plant is Plant.FRESH else {finding.key: finding for finding in without}
    return tuple(
        Trial(
            key=finding.key,
            plant=plant,
            caught=_caught(finding, own.get(finding.key)),
            value=finding.value,
            lower=finding.lower,
            upper=finding.upper,
        )
        for finding in findings
        if finding.value is not None and finding.lower is not None and finding.upper is not None
    )


def brought_along(findings: tuple[Finding, ...]) -> tuple[Trial, ...]:
    """The trials of attacks that lay their own plant while they run, and say in `details` what they made of it."""
    return tuple(
        Trial(
            key=finding.key,
            plant=_sized(finding.details.get(PLANTED_SHARE, 1.0)),
            caught=finding.details["planted_lower"] > (finding.baseline or 0.0),
            value=finding.details["planted_auc"],
            lower=finding.details["planted_lower"],
            upper=finding.details["planted_upper"],
        )
        for finding in findings
        if finding.details.keys() >= {"planted_auc", "planted_lower", "planted_upper"}
    )


def _sized(share: float) -> Plant:
    """The plant of copies of this share of train."""
    return next(plant for plant, size in COPIED.items() if size == share)


def _caught(finding: Finding, without: Finding | None) -> bool:
    value, lower, bar = finding.value or 0.0, finding.lower or 0.0, finding.baseline or 0.0
    if lower <= bar:
        return False
    if without is None or without.value is None or without.lower is None:
        return True
    if without.lower > bar:
        # The carrier leaks by itself, so the plant is only seen if it stands out from that.
        return value > (without.upper or 0.0)
    return value >= without.value


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
