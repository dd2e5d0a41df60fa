"""Findings that void an audit: a comparison of these tables would mean nothing, whatever the attacks say."""

from __future__ import annotations

from dataclasses import replace

from privacy.finding import Finding, FindingStatus

CHECKS = ("overlap", "seen", "comparability")
"""The attacks whose findings are of this kind, besides drift. They read the tables as they came and no plant."""
LEVEL = 0.002
"""Of honest audits, each check voids at most this share by chance. Each divides it among its tests (Bonferroni).

With drift, which voids one in two hundred, that is about one honest audit in a hundred."""
THREAT = "No attacker: the tables must be comparable, else a difference between them says nothing about leaking."


def check(key: str, *, value: float, baseline: float, p_value: float, level: float, n: int, cause: str) -> Finding:
    """The finding `attack.statistic` of a check. Its note is `cause`, what is wrong and what to do, where it voids."""
    attack, _, statistic = key.partition(".")
    finding = Finding(
        attack=attack,
        statistic=statistic,
        value=value,
        baseline=baseline,
        n=n,
        threat=THREAT,
        gating=False,
        details={"p_value": p_value, "level": level},
    )
    return replace(finding, note=cause) if voids(finding) else finding


def not_checked(attack: str, statistic: str, reason: str) -> Finding:
    """The finding of a check for which the tables have nothing to work on."""
    return Finding(
        attack=attack,
        statistic=statistic,
        status=FindingStatus.NOT_APPLICABLE,
        threat=THREAT,
        gating=False,
        note=reason,
    )


def voids(finding: Finding) -> bool:
    """Whether this is a finding of a check that voids the audit.

    Its value is larger than what changes no figure (`baseline`), and at its level it is not chance.
    """
    return (
        finding.attack in CHECKS
        and finding.status is FindingStatus.MEASURED
        and finding.value is not None
        and finding.value > (finding.baseline or 0.0)
        and finding.details.get("p_value", 1.0) <= finding.details.get("level", 0.0)
    )
