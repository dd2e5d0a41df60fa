"""B.3: does the synthetic table give away those whom nobody resembles?"""

from __future__ import annotations

import numpy as np

from privacy.estimate import auc_interval, detectable_auc
from privacy.evidence import Evidence
from privacy.finding import Finding, FindingStatus
from privacy.threat import FILE_ONLY

SHARE = 0.02
FEWEST = 10
THREAT = f"{FILE_ONLY}, a person unlike all others, and asks whether that record was learnt."


def vulnerable(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding, `vulnerable.auc`: membership inference on the 2 % most isolated records of train and holdout.

    Isolation: mean distance to the five nearest others in train and holdout together (the idea of the Achilles score,
    arXiv 2306.10308, with the battery's one distance in place of its cosines). The cut is made on both sides pooled,
    so that equally isolated records face each other. Score: -d1(x, S).
    """
    near = evidence.near
    cut = np.quantile(np.concatenate([near.train_isolation, near.holdout_isolation]), 1 - SHARE)
    exposed = near.train_synthetic[near.train_isolation > cut, 0]
    control = near.holdout_synthetic[near.holdout_isolation > cut, 0]
    if min(len(exposed), len(control)) < FEWEST:
        return (
            Finding(
                attack="vulnerable",
                statistic="auc",
                status=FindingStatus.NOT_APPLICABLE,
                threat=THREAT,
                note=f"Fewer than {FEWEST} isolated records in train or holdout.",
            ),
        )
    auc = auc_interval(-exposed, -control)
    return (
        Finding(
            attack="vulnerable",
            statistic="auc",
            value=auc.value,
            baseline=0.5,
            lower=auc.lower,
            upper=auc.upper,
            n=len(exposed),
            threat=THREAT,
            minimum_detectable=detectable_auc(len(exposed), len(control)),
            details={"isolated_in_holdout": float(len(control))},
        ),
    )
