"""A3: is a person's record nearer to the synthetic table when the generator had learnt it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.estimate import auc_interval, clopper_pearson, detectable_auc, detectable_difference
from privacy.evidence import NEIGHBOURS, Evidence
from privacy.finding import Finding, FindingStatus
from privacy.threat import FILE_AND_REFERENCE, FILE_ONLY

Scores = NDArray[np.float64]

ASKS = ", and asks whether that person's record was learnt."
FEWEST_HOLDOUT = {"tpr_at_1_percent": 2_000, "tpr_at_01_percent": 10_000}
RATES = {"tpr_at_1_percent": 0.01, "tpr_at_01_percent": 0.001}
FEWEST_REFERENCE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class _Attack:
    name: str
    train: Scores
    holdout: Scores
    threat: str


def membership(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """Per attack the AUC (`membership.<attack>_auc`) and the true-positive rates at 1 % and 0.1 % false positives.

    `plain_k1`: score = -d1(x, S), the distance to the nearest synthetic record; `plain_k5`: the mean of the five
    nearest; `calibrated_*`: d(x, R) - d(x, S), so that a record that is near to everybody does not count as
    remembered (Synth-MIA's `dcr` and `dcr_diff`, arXiv 2509.18014). Interval of the AUC: DeLong.
    """
    halves = rng.permutation(len(evidence.holdout))
    half = len(halves) // 2
    findings: list[Finding] = []
    for attack in _attacks(evidence):
        findings.append(_auc(attack))
        findings.extend(_rate(attack, statistic, halves[:half], halves[half:]) for statistic in RATES)
    if evidence.reference is None or len(evidence.reference) < FEWEST_REFERENCE:
        findings.extend(_no_reference())
    return tuple(findings)


def _attacks(evidence: Evidence) -> list[_Attack]:
    near = evidence.near
    attacks = []
    for k in (1, NEIGHBOURS):
        train, holdout = _mean(near.train_synthetic, k), _mean(near.holdout_synthetic, k)
        attacks.append(_Attack(name=f"plain_k{k}", train=-train, holdout=-holdout, threat=FILE_ONLY + ASKS))
        if near.train_reference is None or near.holdout_reference is None or evidence.reference is None:
            continue
        if len(evidence.reference) < FEWEST_REFERENCE:
            continue
        attacks.append(
            _Attack(
                name=f"calibrated_k{k}",
                train=_mean(near.train_reference, k) - train,
                holdout=_mean(near.holdout_reference, k) - holdout,
                threat=FILE_AND_REFERENCE + ASKS,
            )
        )
    return attacks


def _mean(distances: NDArray[np.float32], k: int) -> Scores:
    mean: Scores = distances[:, :k].astype(np.float64).mean(axis=1)
    return mean


def _auc(attack: _Attack) -> Finding:
    auc = auc_interval(attack.train, attack.holdout)
    return Finding(
        attack="membership",
        statistic=f"{attack.name}_auc",
        value=auc.value,
        baseline=0.5,
        lower=auc.lower,
        upper=auc.upper,
        n=len(attack.train),
        threat=attack.threat,
        minimum_detectable=detectable_auc(len(attack.train), len(attack.holdout)),
    )


def _rate(attack: _Attack, statistic: str, first: NDArray[np.intp], second: NDArray[np.intp]) -> Finding:
    """The true-positive rate at a threshold that `first`, one half of holdout, sets; `second` says what it cost.

    The threshold is the smallest score that at most a fraction `rate` of the first half exceeds. Where many share the
    best score (ties) nobody exceeds it, and the rate is 0 even for a copy: self-calibration then marks it blind.
    """
    rate, name, needed = RATES[statistic], f"{attack.name}_{statistic}", FEWEST_HOLDOUT[statistic]
    if len(attack.holdout) < needed:
        return Finding(
            attack="membership",
            statistic=name,
            status=FindingStatus.NOT_APPLICABLE,
            threat=attack.threat,
            note=f"It takes {needed} records in holdout to read this rate; there are {len(attack.holdout)}.",
        )
    ranked = np.sort(attack.holdout[first])[::-1]
    threshold = ranked[int(rate * len(ranked))]
    hits, cost = int((attack.train > threshold).sum()), int((attack.holdout[second] > threshold).sum())
    lower, upper = clopper_pearson(hits, len(attack.train))
    cost_lower, cost_upper = clopper_pearson(cost, len(second))
    return Finding(
        attack="membership",
        statistic=name,
        value=hits / len(attack.train),
        baseline=rate,
        lower=lower,
        upper=upper,
        n=len(attack.train),
        threat=attack.threat,
        minimum_detectable=_detectable(rate, len(attack.train), len(first)),
        details={"false_positive_rate": cost / len(second), "fpr_lower": cost_lower, "fpr_upper": cost_upper},
    )


def _detectable(rate: float, n: int, calibrated_on: int) -> float:
    """Baseline plus what two samples can tell apart: those under attack, and those that set the threshold."""
    return rate + detectable_difference(rate, n, calibrated_on)


def _no_reference() -> list[Finding]:
    return [
        Finding(
            attack="membership",
            statistic=f"calibrated_k{k}_{statistic}",
            status=FindingStatus.NOT_APPLICABLE,
            threat=FILE_AND_REFERENCE + ASKS,
            note=f"There is no reference set of at least {FEWEST_REFERENCE} records.",
        )
        for k in (1, NEIGHBOURS)
        for statistic in ("auc", *RATES)
    ]
