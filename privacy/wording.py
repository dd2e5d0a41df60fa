"""The sentences that reports and decisions print. What was tried and what it could have seen; never a promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from privacy.finding import Finding, FindingStatus

FORBIDDEN = ("anonymous", "anonymised", "anonymized", "safe", "excellent", "risk-free", "guarantee")
"""Words that no sentence of the audit may hold: labels that mislead (EDPB Guidelines 02/2026, paragraph 40)."""

NOT_COVERED = (
    "Attackers with other knowledge, the model itself, later releases from the same data, or stronger attacks are not "
    "covered."
)
NO_PROMISE = "Passing does not establish anonymity; that is a context-dependent decision."

SHARES = ("share", "excess", "percent")


def figure(finding: Finding, value: float | None) -> str:
    """A value of the finding as it is printed: per cent for shares and rates, three digits for an AUC."""
    if value is None:
        return "not measured"
    if any(part in finding.statistic for part in SHARES):
        return f"{100 * value:.2f} %"
    return f"{value:.3f}"


def measured(finding: Finding) -> str:
    """The finding in one sentence: value, interval, baseline, number of records; or why there is none."""
    if finding.status is not FindingStatus.MEASURED:
        return f"{finding.key}: {finding.note}"
    return (
        f"{finding.key} is {figure(finding, finding.value)} "
        f"(95 % interval {figure(finding, finding.lower)} to {figure(finding, finding.upper)}, "
        f"{figure(finding, finding.baseline)} without a leak, {finding.n} records)."
    )


def nothing_exceeded(battery_version: str, sizes: Mapping[str, int]) -> str:
    """The sentence of a PASS, with everything it does not say."""
    return (
        f"No attack in battery v{battery_version} exceeded its limit on this file. "
        f"With {sizes.get('holdout', 0)} records held back, the smallest leak each attack would see is listed with it. "
        f"{NOT_COVERED} {NO_PROMISE}"
    )


def blocked(finding: Finding, gate: str, limit: float) -> str:
    """Why a finding blocks."""
    return f"Leak proven, {gate}: {measured(finding)} The limit is {figure(finding, limit)}."


def beyond_limit(finding: Finding, gate: str, limit: float) -> str:
    """Why a finding does not pass."""
    return f"Not shown to be within the limit, {gate}: {measured(finding)} The limit is {figure(finding, limit)}."


def blind_sentence(finding: Finding) -> str:
    """That a finding counts for nothing."""
    return f"{finding.key} would not have stopped the leak planted for it in this table and counts for nothing here."


def missing_sentence(gate: str, findings: Sequence[Finding]) -> str:
    """Why a gate is open: nothing measured, or only by attacks that are blind on this table."""
    notes = sorted({f.note for f in findings if f.status is FindingStatus.NOT_APPLICABLE and f.note})
    if any(f.status is FindingStatus.MEASURED for f in findings):
        return f"Nothing that can be relied on, {gate}: no attack would have stopped the leak planted for it here."
    return " ".join([f"Nothing measured, {gate}.", *notes])


def within_reach(gate: str) -> str:
    """That an optional gate had nothing to measure."""
    return f"Not measured on this table, {gate}."


def crashed(finding: Finding) -> str:
    """That an attack crashed."""
    return f"The attack {finding.attack} gave no result. {finding.note}"


def drifted(finding: Finding) -> str:
    """That train and holdout are not draws from the same people."""
    return f"Train and holdout differ, so comparing them proves nothing: {measured(finding)}"


def drift_unknown(note: str) -> str:
    """That nobody knows whether train and holdout are draws from the same people."""
    return " ".join(part for part in ("Whether train and holdout are alike was not measured.", note) if part)


def not_run(gate: str) -> str:
    """That no attack gave a finding that a limit judges."""
    return f"Nothing judges this limit, {gate}: no attack for it was run."


def too_few_records(side: str, n: int, needed: int) -> str:
    """That a side is too small."""
    return (
        f"There are {n} records in {side}, counting one for each person where a person column is named; "
        f"it takes at least {needed} to see a leak that matters."
    )
