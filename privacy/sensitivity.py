"""What each limit would have stopped: the leaks planted into this very table, held against the limit of a policy."""

from __future__ import annotations

from collections.abc import Iterable

from privacy.calibration import Trial
from privacy.finding import Finding
from privacy.limits import Limit
from privacy.plants import Plant, plants_of, size_at_limit

ROUNDING = 0.02
"""A true-positive rate of 3 % at 1 % takes a copy of 2.02 %: the plant of 2 % is as large."""
AT_MOST = 2.5
"""No attack sees every copy: of a leak that is just as large as its limit it may see nine tenths, which is within it.
So the next larger plant counts too. The report says which was stopped."""


def trial_at_limit(trials: Iterable[Trial], finding: Finding, limit: Limit) -> Trial | None:
    """What the statistic made of the plant of the size of its limit that it stopped, or else of the smallest one.

    A plant is of the size of a limit if it is as large, ROUNDING aside, and at most AT_MOST times as large. The limit
    of personal data is no leak at all, so any plant is of its size. None where none was laid.
    """
    size = size_at_limit(finding.key, finding.baseline or 0.0, limit.pass_below)
    laid = {trial.plant: trial for trial in trials if trial.key == finding.key}
    shares = plants_of(finding.key).items()
    as_large = [(share, laid[plant]) for plant, share in shares if share >= size * (1 - ROUNDING) and plant in laid]
    near = [trial for share, trial in as_large if size <= 0 or share <= AT_MOST * size * (1 + ROUNDING)]
    return next((trial for trial in near if exceeds(trial, limit)), next(iter(near), None))


def sees(trials: Iterable[Trial], finding: Finding, limit: Limit) -> bool:
    """Whether the limit would have stopped a leak of its size, planted for this statistic on this very table.

    To catch a plant, which is to rise above the baseline, is neither enough nor asked for: what counts is that the
    upper bound exceeds the limit. Where even a leak at the limit would have passed, the figure says nothing by passing.
    """
    trial = trial_at_limit(trials, finding, limit)
    return trial is not None and exceeds(trial, limit)


def smallest_stopped(trials: Iterable[Trial], finding: Finding, limit: Limit) -> Plant | None:
    """The smallest planted leak with which the statistic would have exceeded its limit, and so changed the verdict."""
    exceeded = {trial.plant for trial in trials if trial.key == finding.key and exceeds(trial, limit)}
    return next((plant for plant in plants_of(finding.key) if plant in exceeded), None)


def exceeds(trial: Trial, limit: Limit) -> bool:
    """Whether the upper end is above the limit, so that the plant would not have passed."""
    return trial.upper > limit.pass_below
