"""B.3: is there a group of people that the synthetic table gives away more than the others?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.canonical import MISSING, Keys
from privacy.estimate import Auc, auc_interval, detectable_auc
from privacy.evidence import Evidence
from privacy.finding import MAXIMUM_OVER, Finding, FindingStatus
from privacy.plants import Plant
from privacy.threat import FILE_ONLY

ABOUT = About(
    title="Groups of people",
    question=Question.WORST_OFF,
    statistics={
        "worst_auc": "worst group, AUC",
    },
    plants=(Plant.COPIED_30, Plant.COPIED_50, Plant.JITTERED_COPY),
)

FEWEST_SHOWN = 100
FEWEST_JUDGED = 250
"""Members a side. The standard error of an AUC is .026 then, so that without a leak the intervals of forty groups all
stay below a limit of .65 in 199 of 200 tables."""
MOST_GROUPS = 40
MOST_CATEGORIES = 30
THREAT = f"{FILE_ONLY}, of a person of a certain group, and asks whether that record was learnt."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    name: str
    train: NDArray[np.bool_]
    holdout: NDArray[np.bool_]

    @property
    def members(self) -> int:
        return int(min(self.train.sum(), self.holdout.sum()))


def subgroups(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding, `subgroups.worst_auc`: membership inference, score -d1(x, S), in the worst of the groups.

    A group are those who share a value of a column with at most 30 different ones, or who all lack one; groups go by
    column and by rank (`sex, rank 2`: its second largest), never by a value. With 100 members a side a group is shown
    in `details`, the largest 40 of them. Only groups with 250 a side are judged: below, the worst of many would exceed
    any limit by chance. That some group leaks is a union of claims, so lower ends are corrected for the number of
    groups (Bonferroni); that none does is an intersection, so upper ends are not (Berger 1982).
    """
    groups = sorted(_groups(evidence), key=lambda group: -group.members)[:MOST_GROUPS]
    judged = [group for group in groups if group.members >= FEWEST_JUDGED]
    shown = {f"auc[{group.name}]": _auc(evidence, group, 0.95) for group in groups}
    if not judged:
        return (
            Finding(
                attack="subgroups",
                statistic="worst_auc",
                status=FindingStatus.NOT_APPLICABLE,
                threat=THREAT,
                note=f"No group of people has {FEWEST_JUDGED} members in train and in holdout.",
                details=_details(shown),
            ),
        )
    aucs = [shown[f"auc[{group.name}]"] for group in judged]
    worst = max(range(len(judged)), key=lambda i: aucs[i].value)
    fewest = min(group.members for group in judged)
    return (
        Finding(
            attack="subgroups",
            statistic="worst_auc",
            value=aucs[worst].value,
            baseline=0.5,
            lower=max(_auc(evidence, group, 1 - 0.05 / len(judged)).lower for group in judged),
            upper=max(auc.upper for auc in aucs),
            n=int(judged[worst].train.sum()),
            threat=THREAT,
            minimum_detectable=detectable_auc(fewest, fewest),
            note=f"Worst of {len(judged)} groups: {judged[worst].name}.",
            details={MAXIMUM_OVER: float(len(judged)), **_details(shown)},
        ),
    )


def _auc(evidence: Evidence, group: _Group, confidence: float) -> Auc:
    near = evidence.near
    exposed, control = near.train_synthetic[group.train, 0], near.holdout_synthetic[group.holdout, 0]
    return auc_interval(-exposed, -control, confidence=confidence)


def _details(shown: dict[str, Auc]) -> dict[str, float]:
    return {
        name.replace("auc", end, 1): float(getattr(auc, part))
        for name, auc in shown.items()
        for end, part in (("auc", "value"), ("lower", "lower"), ("upper", "upper"))
    }


def _groups(evidence: Evidence) -> list[_Group]:
    """All groups with enough members to be shown."""
    found: list[_Group] = []
    for column, cells in evidence.train_keys.values.items():
        train = cells[evidence.attacked_train]
        holdout = evidence.holdout_keys.values[column][evidence.attacked_holdout]
        found.extend(_groups_of(column, train, holdout))
    return [group for group in found if group.members >= FEWEST_SHOWN]


def _groups_of(column: str, train: Keys, holdout: Keys) -> list[_Group]:
    keys, held = np.unique(np.concatenate([train, holdout]), return_counts=True)
    known = keys != MISSING
    groups = [_Group(name=f"{column}, missing", train=train == MISSING, holdout=holdout == MISSING)]
    if int(known.sum()) <= MOST_CATEGORIES:
        order = np.argsort(-held[known], kind="stable")
        groups.extend(
            _Group(name=f"{column}, rank {place + 1}", train=train == key, holdout=holdout == key)
            for place, key in enumerate(keys[known][order])
        )
    return groups
