"""Evidence on Adult with a leak planted into it, and how often an attack raises its hand where there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.stats import binom

from privacy.evidence import Evidence, gather
from privacy.finding import Finding, FindingStatus
from privacy.threat import AuditTables
from tests.privacy import adult

PLANTS: dict[str, Callable[[AuditTables], AuditTables]] = {
    "fresh": lambda tables: tables,
    "copy": lambda tables: adult.copied(tables, 1.0),
    "20 % copied": lambda tables: adult.copied(tables, 0.2),
    "5 % copied": lambda tables: adult.copied(tables, 0.05),
    "jittered 5 %": lambda tables: adult.jittered_copy(tables, 0.05),
    "jittered 20 %": lambda tables: adult.jittered_copy(tables, 0.2),
    "smote": adult.smote,
}
Attack = Callable[[Evidence, np.random.Generator], tuple[Finding, ...]]


@cache
def planted(plant: str, seed: int, n: int = 2500) -> Evidence:
    return gather(PLANTS[plant](adult.fresh(seed, n=n, reference=2000)), np.random.default_rng(seed))


def swapped(plant: str, seed: int, n: int = 2500) -> Evidence:
    """The same with train and holdout in each other's place."""
    tables = PLANTS[plant](adult.fresh(seed, n=n, reference=2000))
    other = AuditTables(
        train=tables.holdout,
        holdout=tables.train,
        reference=tables.reference,
        synthetic=tables.synthetic,
        schema=tables.schema,
    )
    return gather(other, np.random.default_rng(seed))


def by_key(attack: Attack, evidence: Evidence, seed: int = 0) -> dict[str, Finding]:
    return {finding.key: finding for finding in attack(evidence, np.random.default_rng(seed))}


def alarms(attack: Attack, seeds: range, n: int, reference: int = 400) -> dict[str, int]:
    """Per measured statistic, on how many fresh draws its interval lay above its baseline."""
    counts: dict[str, int] = {}
    for seed in seeds:
        evidence = gather(adult.fresh(seed, n=n, reference=reference), np.random.default_rng(seed))
        for finding in attack(evidence, np.random.default_rng(seed)):
            if finding.status is not FindingStatus.MEASURED:
                continue
            counts[finding.key] = counts.get(finding.key, 0) + int(finding.lower > finding.baseline)
    return counts


def most_alarms(draws: int) -> int:
    """The 99 % bound of alarms by chance, one-sided at 2.5 % each."""
    return int(binom.ppf(0.99, draws, 0.025))
