"""A2: do synthetic records sit nearer to train than to holdout? A sanity check that is shown and never decides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.distance import nearest
from privacy.estimate import permutation_p
from privacy.evidence import Evidence
from privacy.finding import Finding
from privacy.plants import Plant

ABOUT = About(
    title="Proximity",
    question=Question.COPIES,
    statistics={
        "dcr_share": "share nearer to train (DCR)",
        "nndr_share": "share nearer to train (NNDR)",
    },
    plants=(Plant.COPIED_5,),
)

MOST_SYNTHETIC = 2_000
NEIGHBOURS = 20
PERMUTATIONS = 100
THREAT = "No attacker: a widely printed score, shown because reviewers expect it. Leaking tables can pass it."

Draws = NDArray[np.float64]


def proximity(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """Two findings, `proximity.dcr_share` and `proximity.nndr_share`; neither is a gate.

    Share of synthetic records whose distance to the closest record (DCR), or whose ratio of nearest to second nearest
    distance (NNDR), is smaller to train than to holdout, ties counting one half; both sides are equally large, so the
    share is one half without a leak. The p value and the interval come from shuffling who is train and who is holdout
    among each record's 20 nearest, which accounts for records that are nearest to many. Where the 20 are all from one
    side, the distance to the other is taken as the 20th: too small, so never in favour of a leak that is not there.
    """
    rows = evidence.synthetic
    if len(rows) > MOST_SYNTHETIC:
        rows = rows.take(rng.permutation(len(rows))[:MOST_SYNTHETIC])
    everyone = evidence.train.join(evidence.holdout)
    found = nearest(rows, everyone, NEIGHBOURS)
    labels = np.arange(len(everyone)) < len(evidence.train)
    observed = _shares(found.distances, labels[found.index])
    draws = np.array(
        [_shares(found.distances, rng.permutation(labels)[found.index]) for _ in range(PERMUTATIONS)], dtype=np.float64
    )
    return tuple(
        _finding(statistic, observed[i], draws[:, i], len(rows)) for i, statistic in enumerate(("dcr", "nndr"))
    )


def _shares(distances: NDArray[np.float32], is_train: NDArray[np.bool_]) -> tuple[float, float]:
    train, holdout = _two_nearest(distances, is_train), _two_nearest(distances, ~is_train)
    return _share(train[0], holdout[0]), _share(_ratio(*train), _ratio(*holdout))


def _two_nearest(
    distances: NDArray[np.float32], chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    masked = np.where(chosen, distances, distances[:, -1:])
    position = chosen.argmax(axis=1)
    rows = np.arange(len(masked))
    first = np.where(chosen.any(axis=1), masked[rows, position], distances[:, -1])
    others = chosen.copy()
    others[rows, position] = False
    second = np.where(others.any(axis=1), masked[rows, others.argmax(axis=1)], distances[:, -1])
    return first, second


def _ratio(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    # 0 / 0 (two copies of the record) is a ratio of 1: neither copy stands out.
    out = np.ones(len(first), dtype=np.float64)
    np.divide(first, second, out=out, where=second > 0)
    return out


def _share(train: NDArray[np.float32] | Draws, holdout: NDArray[np.float32] | Draws) -> float:
    return float((train < holdout).mean() + 0.5 * (train == holdout).mean())


def _finding(statistic: str, value: float, draws: Draws, n: int) -> Finding:
    spread = float(draws.std(ddof=1))
    return Finding(
        attack="proximity",
        statistic=f"{statistic}_share",
        value=value,
        baseline=0.5,
        lower=max(0.0, value - 1.96 * spread),
        upper=min(1.0, value + 1.96 * spread),
        n=n,
        threat=THREAT,
        minimum_detectable=min(1.0, 0.5 + 2.8 * spread),
        gating=False,
        note="A sanity check; never a gate.",
        details={"p_value": permutation_p(value, draws)},
    )
