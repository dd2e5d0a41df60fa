"""What becomes of an attack that gives each person a score: an AUC, and rates at few false positives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from privacy.estimate import auc_interval, detectable_auc, detectable_difference, rate_at
from privacy.finding import Finding, FindingStatus

Scores = NDArray[np.float64]

FEWEST_HOLDOUT = {"tpr_at_1_percent": 2_000, "tpr_at_01_percent": 10_000}
RATES = {"tpr_at_1_percent": 0.01, "tpr_at_01_percent": 0.001}
STATISTICS = ("auc", *RATES)
FEWEST_REFERENCE = 100
FEWEST_SYNTHETIC = 100
"""Attacks that learn from the synthetic table take so many records of it."""
NO_REFERENCE = f"There is no reference set of at least {FEWEST_REFERENCE} records."
ASKS = ", and asks whether that person's record was learnt."


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """The scores of the people under attack: the higher, the surer the attacker that the record was learnt."""

    attack: str
    name: str = ""
    """Prefix of the statistics; empty where the attack has only one score."""
    train: Scores
    holdout: Scores
    threat: str
    note: str = ""
    design_effect: float = 1.0
    """How many times the variance of independent scores that of these has (Kish 1965, section 8.2)."""


def score_findings(scored: Scored) -> tuple[Finding, ...]:
    """The AUC and the true-positive rates at 1 % and 0.1 % false positives."""
    return (auc_finding(scored), *(rate_finding(scored, statistic) for statistic in RATES))


def auc_finding(scored: Scored) -> Finding:
    """The AUC of train against holdout with DeLong's interval, widened by the design effect."""
    auc = auc_interval(scored.train, scored.holdout)
    wider = float(np.sqrt(scored.design_effect))
    if wider > 1:
        reach = wider * float(norm.ppf(0.975)) * auc.error
        auc = replace(auc, lower=max(0.0, auc.value - reach), upper=min(1.0, auc.value + reach))
    return Finding(
        attack=scored.attack,
        statistic=statistic_name(scored.name, "auc"),
        value=auc.value,
        baseline=0.5,
        lower=auc.lower,
        upper=auc.upper,
        n=len(scored.train),
        threat=scored.threat,
        minimum_detectable=min(1.0, 0.5 + wider * (detectable_auc(len(scored.train), len(scored.holdout)) - 0.5)),
        note=scored.note,
    )


def rate_finding(scored: Scored, statistic: str) -> Finding:
    """The true-positive rate at the threshold that a share `RATES[statistic]` of holdout exceeds: see `rate_at`."""
    rate, needed = RATES[statistic], FEWEST_HOLDOUT[statistic]
    if len(scored.holdout) < needed:
        reason = f"It takes {needed:,} records in holdout to read this rate; there are {len(scored.holdout):,}."
        return not_applicable(scored.attack, scored.name, statistic, threat=scored.threat, reason=reason)
    found = rate_at(scored.train, scored.holdout, rate, design_effect=scored.design_effect)
    n, m = (round(len(side) / scored.design_effect) for side in (scored.train, scored.holdout))
    return Finding(
        attack=scored.attack,
        statistic=statistic_name(scored.name, statistic),
        value=found.value,
        baseline=rate,
        lower=found.lower,
        upper=found.upper,
        n=len(scored.train),
        threat=scored.threat,
        minimum_detectable=rate + detectable_difference(rate, n, m),
        note=scored.note,
    )


def not_applicable(attack: str, name: str, statistic: str, *, threat: str, reason: str) -> Finding:
    """The finding of a statistic for which the table has nothing to work on."""
    return Finding(
        attack=attack,
        statistic=statistic_name(name, statistic),
        status=FindingStatus.NOT_APPLICABLE,
        threat=threat,
        note=reason,
    )


def none_applicable(attack: str, name: str = "", *, threat: str, reason: str) -> tuple[Finding, ...]:
    """The same for all three statistics of a score."""
    return tuple(not_applicable(attack, name, statistic, threat=threat, reason=reason) for statistic in STATISTICS)


def statistic_name(name: str, statistic: str) -> str:
    """`name_statistic`, or `statistic` alone where there is no name."""
    return f"{name}_{statistic}" if name else statistic
