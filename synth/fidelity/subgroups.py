"""The same figures for the records of each category of one column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity import metrics
from synth.fidelity.delong import auc_interval
from synth.fidelity.detection import Detection, Told
from synth.fidelity.frames import Part, Tables, draw
from synth.fidelity.gaps import Gap, Sample, column_gaps, mean_of
from synth.fidelity.levels import Levels, coarse, fine
from synth.fidelity.marginals import Histogram, Marginal
from synth.fidelity.metrics import Measure
from synth.fidelity.utility import Utility

FEWEST_RECORDS = 100
"""Of train, of holdout and of the synthetic table, in a group that is shown."""
MOST_GROUPS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One category, or one bin, of the column."""

    level: int
    """Its place among the levels."""
    real: float
    """Share of train."""
    synthetic: float
    gap: Gap
    """The mean over all other columns."""
    worst: str
    """The column with the largest excess."""
    worst_gap: Gap
    auc: Measure | None
    """C2ST among the records of the group."""
    auc_floor: Measure | None
    right_trtr: Measure | None
    """The share of the group's holdout records that boosting predicts right, trained on real records."""
    right_tstr: Measure | None

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        measures = {
            name: None if each is None else each.to_json()
            for name, each in (
                ("auc", self.auc),
                ("auc_floor", self.auc_floor),
                ("right_trtr", self.right_trtr),
                ("right_tstr", self.right_tstr),
            )
        }
        return {
            "level": self.level,
            "real": self.real,
            "synthetic": self.synthetic,
            "gap": self.gap.to_json(),
            "worst": self.worst,
            "worst_gap": self.worst_gap.to_json(),
            **measures,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Subgroups:
    """The groups that are large enough, the largest first."""

    column: str
    levels: Levels
    groups: tuple[Group, ...]
    left_out: int
    """Groups with too few records."""

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return {
            "column": self.column,
            "levels": self.levels.to_json(),
            "groups": [group.to_json() for group in self.groups],
            "left_out": self.left_out,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What was measured on all records together."""

    marginals: Mapping[str, Marginal]
    detection: Detection | Part
    utility: Utility | Part


def subgroups(
    tables: Tables, sample: Sample, judged: Judged, column: str | None, rng: np.random.Generator
) -> Subgroups | Part:
    """The figures by category of `column` (of a number or a date: by bin)."""
    if column is None or column not in judged.marginals:
        return Part(reason="The schema names no target, and the job no sensitive column.")
    if len(judged.marginals) < 2:
        return Part(reason="There is no column beside it.")
    marginal = judged.marginals[column]
    levels = coarse(marginal) if isinstance(marginal, Histogram) else fine(marginal)
    train, synthetic = (levels.codes(frame[column]) for frame in (tables.train, tables.synthetic))
    order = sorted(range(levels.named), key=lambda level: -int((train == level).sum()))
    groups = [
        _group(_Members(column=column, levels=levels, level=level), sample, judged, rng)
        for level in order[:MOST_GROUPS]
    ]
    shown = [
        replace(group, real=float((train == group.level).mean()), synthetic=float((synthetic == group.level).mean()))
        for group in groups
        if group is not None
    ]
    if not shown:
        return Part(reason=f"No category of the column has {FEWEST_RECORDS} records in each of the tables.")
    return Subgroups(column=column, levels=levels, groups=tuple(shown), left_out=len(order) - len(shown))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Members:
    """Who is in a group."""

    column: str
    levels: Levels
    level: int

    def of(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Which records of a table are."""
        return np.asarray(self.levels.codes(frame[self.column]) == self.level)


def _group(members: _Members, sample: Sample, judged: Judged, rng: np.random.Generator) -> Group | None:
    train, synthetic, holdout = (frame[members.of(frame)] for frame in (sample.train, sample.synthetic, sample.holdout))
    n = min(len(synthetic), len(holdout))
    if min(n, len(train)) < FEWEST_RECORDS:
        return None
    within = Sample(train=train, synthetic=draw(synthetic, n, rng), holdout=draw(holdout, n, rng))
    others = {name: each for name, each in judged.marginals.items() if name != members.column}
    gaps = column_gaps(within, others)
    worst = max(gaps, key=lambda name: gaps[name].excess)
    detection = judged.detection
    right = None if isinstance(judged.utility, Part) else _right(judged.utility, members)
    return Group(
        level=members.level,
        real=0.0,
        synthetic=0.0,
        gap=mean_of(list(gaps.values())),
        worst=worst,
        worst_gap=gaps[worst],
        auc=None if isinstance(detection, Part) else _auc(detection.told, members),
        auc_floor=None if isinstance(detection, Part) or detection.floor is None else _auc(detection.floor, members),
        right_trtr=None if right is None else right[0],
        right_tstr=None if right is None else right[1],
    )


def _auc(told: Told, members: _Members) -> Measure | None:
    """How well the classifier of all records tells those of the group apart."""
    real, other = told.real_scores[members.of(told.real)], told.other_scores[members.of(told.other)]
    if min(len(real), len(other)) < FEWEST_RECORDS // 2:
        return None
    found = auc_interval(other, real)
    return Measure(value=found.value, lower=found.lower, upper=found.upper)


def _right(utility: Utility, members: _Members) -> tuple[Measure, Measure] | None:
    """The shares predicted right among the group's holdout records: trained on real, and on synthetic records."""
    predicted = utility.predicted
    if predicted is None:
        return None
    mine = members.of(predicted.holdout)
    if mine.sum() < FEWEST_RECORDS // 2:
        return None
    return metrics.share(predicted.trtr[mine]), metrics.share(predicted.tstr[mine])
