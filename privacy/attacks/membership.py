"""A3: is a person's record nearer to the synthetic table when the generator had learnt it?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.evidence import NEIGHBOURS, Evidence
from privacy.finding import Finding
from privacy.plants import Plant
from privacy.scores import (
    ASKS,
    FEWEST_REFERENCE,
    NO_REFERENCE,
    Scored,
    Scores,
    none_applicable,
    score_findings,
)
from privacy.threat import FILE_AND_REFERENCE, FILE_ONLY

ABOUT = About(
    title="Membership inference",
    question=Question.MEMBERSHIP,
    statistics={
        "plain": "nearest record",
        "aligned": "coding undone",
        "calibrated": "against reference",
    },
    plants=(Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_5, Plant.COPIED_10, Plant.COPIED_20, Plant.JITTERED_COPY),
)


def membership(evidence: Evidence) -> tuple[Finding, ...]:
    """Per attack the AUC (`membership.<attack>_auc`) and the true-positive rates at 1 % and 0.1 % false positives.

    `plain_k1`: score = -d1(x, S), the distance to the nearest synthetic record; `plain_k5`: the mean of the five
    nearest; `calibrated_*`: d(x, R) - d(x, S), so that a record that is near to everybody does not count as
    remembered (Synth-MIA's `dcr` and `dcr_diff`, arXiv 2509.18014); `aligned_*`: like `plain_*`, on the synthetic table
    recoded to look like the people, so that a table in other units or spellings, or mirrored, is found all the same
    (`privacy.align`). Interval of the AUC: DeLong.
    """
    findings = [finding for scored in _attacks(evidence) for finding in score_findings(scored)]
    if evidence.reference is None or len(evidence.reference) < FEWEST_REFERENCE:
        findings.extend(_no_reference())
    return tuple(findings)


def _attacks(evidence: Evidence) -> list[Scored]:
    near = evidence.near
    attacks = []
    for k in (1, NEIGHBOURS):
        train, holdout = _mean(near.train_synthetic, k), _mean(near.holdout_synthetic, k)
        attacks.append(
            Scored(attack="membership", name=f"plain_k{k}", train=-train, holdout=-holdout, threat=FILE_ONLY + ASKS)
        )
        attacks.append(
            Scored(
                attack="membership",
                name=f"aligned_k{k}",
                train=-_mean(near.train_aligned, k),
                holdout=-_mean(near.holdout_aligned, k),
                threat=FILE_ONLY + ", undoes whatever was done to its coding" + ASKS,
            )
        )
        if near.train_reference is None or near.holdout_reference is None or evidence.reference is None:
            continue
        if len(evidence.reference) < FEWEST_REFERENCE:
            continue
        attacks.append(
            Scored(
                attack="membership",
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


def _no_reference() -> list[Finding]:
    return [
        finding
        for k in (1, NEIGHBOURS)
        for finding in none_applicable(
            "membership", f"calibrated_k{k}", threat=FILE_AND_REFERENCE + ASKS, reason=NO_REFERENCE
        )
    ]
