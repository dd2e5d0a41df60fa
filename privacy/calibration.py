"""Leaks planted into the very table under audit, so that the report can say what each attack would have seen.

The carrier of a plant is the synthetic table under audit itself, and the people planted are those under attack: what
the attack is shown is exactly this release, had this share of its training records been remembered. Added records leave
the others in place, so all distances but those to the added ones are reused. A table that leaks already is a carrier
like any other, because "caught" asks for more than the attack finds without the plant.

There are no spare people for a table of fresh rows but the reference: half of it plays the synthetic table, the other
half the reference. Any attack that raises its hand there has raised a false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from privacy.canonical import Canonical, Keys, record_keys
from privacy.distance import Codes, Encoded, Numbers
from privacy.evidence import Evidence
from privacy.finding import Finding

FEWEST_FRESH = 500
MOST_OUTLIERS = 50

DISTANCE_ONLY = (
    "proximity",
    "membership",
    "vulnerable",
    "subgroups",
    "density",
    "classifier",
    "ensemble",
    "attribute",
    "linkability",
    "singling_out",
)
"""Attacks that read the synthetic records and never its keys, which is all that the copied column changes."""
LOOK_UPS_ONLY = ("personal",)
"""Attacks that read nothing but `Evidence.look_ups`, which one plant alone changes: Plant.PERSONAL."""
PERSONAL_SHARE, PERSONAL_VALUES, PERSONAL_SHARE_BESIDE_CHANCE = 0.01, 20, 0.2


class Plant(StrEnum):
    """What was planted."""

    COPY = "copy"
    """The training records under attack, as they are, in place of the synthetic table."""
    JITTERED_COPY = "jittered_copy_5_percent"
    """The same, every number moved by 5 % of its column's spread and 5 % of the categories redrawn."""
    JITTERED_20 = "jittered_copy_20_percent"
    """The same with 20 %."""
    COPIED_20 = "copied_20_percent"
    COPIED_5 = "copied_5_percent"
    COPIED_1 = "copied_1_percent"
    """This share of the training records under attack, added to the synthetic table."""
    OUTLIERS = "memorised_outliers"
    """The 50 most isolated training records, or the top 1 % if that is fewer, added to the synthetic table."""
    COLUMN = "copied_column"
    """The synthetic table with one column's values taken from train: the column with most unique values."""
    PERSONAL = "personal_data"
    """One per cent of the e-mails, identifiers, names, phrases, ... that train has alone, at least PERSONAL_VALUES of
    each, put into the synthetic table; a fifth where other people's, too, are found in it by chance."""
    FRESH = "fresh_rows"
    """No leak: records of people the generator never saw. Whatever is caught here is a false alarm."""


COPIED_SHARE = {Plant.COPIED_20: 0.2, Plant.COPIED_5: 0.05, Plant.COPIED_1: 0.01}
JITTER = {Plant.JITTERED_COPY: 0.05, Plant.JITTERED_20: 0.2}

OWN_PLANT = {
    "replay.excess_values": Plant.COLUMN,
    "vulnerable.auc": Plant.OUTLIERS,
    "vulnerable.excess_reproduced": Plant.OUTLIERS,
    "personal.shared_values": Plant.PERSONAL,
    "personal.shared_patterns": Plant.PERSONAL,
    "personal.shared_text": Plant.PERSONAL,
    "personal.shared_by_chance": Plant.PERSONAL,
}
"""The plant that an attack must catch or else is blind on this table; a verbatim copy for all others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What one statistic made of one plant."""

    key: str
    """The finding's `attack.statistic`."""
    plant: Plant
    caught: bool
    """The interval lies above the baseline, and any plant but the attack's own adds to what the carrier gives."""
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


def own_plant(key: str) -> Plant:
    """The plant that the statistic `key` must catch."""
    return OWN_PLANT.get(key, Plant.COPY)


def carrier(evidence: Evidence) -> Evidence:
    """The evidence that plants are laid into: look-ups see the same people as distances, those under attack."""
    return replace(
        evidence,
        train_keys=evidence.train_keys.take(evidence.attacked_train),
        holdout_keys=evidence.holdout_keys.take(evidence.attacked_holdout),
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
            caught=_caught(plant, finding, own.get(finding.key)),
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
            plant=own_plant(finding.key),
            caught=finding.details["planted_lower"] > _bar(finding),
            value=finding.details["planted_auc"],
            lower=finding.details["planted_lower"],
            upper=finding.details["planted_upper"],
        )
        for finding in findings
        if finding.details.keys() >= {"planted_auc", "planted_lower", "planted_upper"}
    )


def _caught(plant: Plant, finding: Finding, without: Finding | None) -> bool:
    value, lower, bar = finding.value or 0.0, finding.lower or 0.0, _bar(finding)
    if lower <= bar:
        return False
    if plant is own_plant(finding.key) or without is None or without.value is None or without.lower is None:
        return True
    if without.lower > _bar(without):
        # The carrier leaks by itself, so the plant is only seen if it stands out from that.
        return value > (without.upper or 0.0)
    return value >= without.value


def _bar(finding: Finding) -> float:
    """What the lower end must exceed: a rate is held against what its threshold may really let through."""
    baseline = finding.baseline or 0.0
    return max(baseline, finding.details.get("fpr_upper", baseline))


def with_plant(plant: Plant, base: Evidence, rng: np.random.Generator) -> Evidence | None:
    """The carrier with this plant laid into it, or None where the table has nothing to make it from."""
    if plant is Plant.COPY:
        return base.with_synthetic(base.train, base.train_keys)
    if plant in JITTER:
        return base.with_synthetic(_jittered(base.train, JITTER[plant], rng), _unseen(base.train_keys))
    if plant in COPIED_SHARE:
        return _with_copies(base, rng.permutation(len(base.train))[: _count(COPIED_SHARE[plant], base)])
    if plant is Plant.OUTLIERS:
        isolated = np.argsort(-base.near.train_isolation, kind="stable")
        return _with_copies(base, isolated[: min(MOST_OUTLIERS, _count(0.01, base))])
    if plant is Plant.PERSONAL:
        return _with_personal_data(base, rng)
    return _column_copied(base, rng) if plant is Plant.COLUMN else _fresh(base, rng)


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
    return base.with_added(base.train.take(rows), base.train_keys.take(rows))


def _jittered(rows: Encoded, share: float, rng: np.random.Generator) -> Encoded:
    # Standard deviation over records that lie within the spread of the 1st to 99th percentile, which is 1 by encoding.
    spread = np.clip(rows.numbers, -1, 1).std(axis=1, keepdims=True)
    noise = rng.standard_normal(rows.numbers.shape, dtype=np.float32)
    numbers: Numbers = (rows.numbers + np.float32(share) * spread * noise).astype(np.float32)
    return Encoded(numbers=numbers, codes=tuple(_redrawn(column, share, rng) for column in rows.codes))


def _redrawn(column: Codes, share: float, rng: np.random.Generator) -> Codes:
    n = len(column)
    changed = column.copy()
    hit = rng.random(n) < share
    changed[hit] = column[rng.integers(0, n, int(hit.sum()))]
    return changed


def _unseen(keys: Canonical) -> Canonical:
    """Keys that match none: what a jittered copy looks like to somebody who looks for equal values."""

    def flip(cells: Keys) -> Keys:
        return cells ^ np.uint64(0xA5A5A5A5A5A5A5A5)

    return Canonical(records=flip(keys.records), values={name: flip(cells) for name, cells in keys.values.items()})


def _column_copied(base: Evidence, rng: np.random.Generator) -> Evidence:
    """Only the look-ups see this plant: one column is too little for a distance, so the distances stay as they were."""
    values = base.train_keys.values
    richest = max(values, key=lambda name: len(np.unique(values[name])))
    published = base.synthetic_keys
    n = len(published)
    source = np.resize(rng.permutation(len(base.train_keys)), n)
    cells = {**published.values, richest: values[richest][source]}
    return replace(base, synthetic_keys=Canonical(records=record_keys(cells, n), values=cells))


def _fresh(base: Evidence, rng: np.random.Generator) -> Evidence | None:
    reference, keys = base.reference, base.reference_keys
    if reference is None or keys is None or len(reference) < FEWEST_FRESH:
        return None
    order = rng.permutation(len(reference))
    half = len(order) // 2
    planted = base.with_synthetic(reference.take(order[:half]), keys.take(order[:half]))
    return planted.with_reference(reference.take(order[half:]))
