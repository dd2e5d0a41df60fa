"""Which attacks looked at which column, told from what each was given and not from what it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from privacy.about import About
from privacy.battery import BATTERY
from privacy.evidence import Evidence
from privacy.finding import Finding, FindingStatus
from privacy.lookups import Sought

Coverage = Mapping[str, tuple[str, ...]]
"""For each column the attacks that looked at it."""

IN_PART = f"personal.{Sought.PATTERNS.value}"
"""Reads e-mails, telephones and codes of a column and leaves the rest of it unseen."""


def coverage(evidence: Evidence, findings: Sequence[Finding], columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """For each column the attacks that compared it with the synthetic table and gave a result, sorted by name.

    Distances and keys hold the columns that are encoded; an attack counts for them where it measured something. The
    look-ups count for a column where train and holdout have something alone in it, so that a find could be judged.
    Attacks on personal data are told apart by their statistic.
    """
    measured = {finding.attack for finding in findings if finding.status is FindingStatus.MEASURED}
    of_records = sorted(name for name in measured & set(BATTERY) if _sees_records(BATTERY[name].about))
    encoded = {place.name for place in evidence.columns if not place.is_identifier}
    looked_up = _looked_up(evidence, findings)
    return {
        name: tuple(sorted([*(of_records if name in encoded else ()), *looked_up.get(name, ())])) for name in columns
    }


def unseen(seen: Coverage) -> tuple[str, ...]:
    """The columns that no attack looked at as a whole, in the order of the table."""
    return tuple(name for name, attacks in seen.items() if not set(attacks) - {IN_PART})


def _sees_records(about: About) -> bool:
    return about.sees_records and about.plants is not None


def _looked_up(evidence: Evidence, findings: Sequence[Finding]) -> dict[str, set[str]]:
    gave = {finding.key for finding in findings if finding.status is not FindingStatus.FAILED}
    found: dict[str, set[str]] = {}
    for look_up in evidence.look_ups:
        key = f"personal.{look_up.sought.value}"
        if key in gave and (look_up.counter or look_up.strata()):
            for name in look_up.columns:
                found.setdefault(name, set()).add(key)
    return found
