"""The findings of the audit, each beside the limit that the policy sets and the leak that was planted for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.report.audit_model import Control, FindingPart, Trial
from app.report.base import Figure
from app.report.model import Fact
from app.report.reading import absent, figure, finite
from app.report.wording import LOOK_UPS, PLANTS, title, unit
from privacy.audit import NO_PLANT, AuditResult
from privacy.budget import plan
from privacy.calibration import Trial as Planted
from privacy.errors import PolicyError
from privacy.finding import TOGETHER, Finding, FindingStatus
from privacy.policy import Limit, Policy, load_policy
from privacy.sensitivity import sees, smallest_stopped, trial_at_limit

Json = Mapping[str, Any]


def findings_part(audit: AuditResult, decision: Json) -> list[FindingPart]:
    """All findings in the audit's order, and after them those on this table together with what was released before."""
    policy, whole = _policy(decision), audit.of_all_tables()
    alone = _findings(audit, policy, _deciding(audit, policy))
    if audit.together is None or whole is None:
        return alone
    return alone + [_of_all(each) for each in _findings(audit.together, policy, _deciding(whole, policy))]


def _findings(audit: AuditResult, policy: Policy | None, deciding: frozenset[str]) -> list[FindingPart]:
    limits = () if policy is None else policy.limits
    return [
        _finding(finding, limits, [trial for trial in audit.calibration if trial.key == finding.key], deciding)
        for finding in audit.findings
    ]


def _deciding(audit: AuditResult, policy: Policy | None) -> frozenset[str]:
    """Keys of the findings whose upper end decides on this table."""
    if policy is None:
        return frozenset()
    return plan(policy.judged(audit.findings), lambda limit, finding: sees(audit.calibration, finding, limit)).decides


def _of_all(finding: FindingPart) -> FindingPart:
    """The finding under a name that tells it from the one on this table alone."""
    attack = TOGETHER + finding.attack
    named = {"key": TOGETHER + finding.key, "attack": attack, "title": title(attack, finding.statistic)}
    return finding.model_copy(update=named)


def notes_part(audit: AuditResult, decision: Json) -> list[str]:
    """What a reader must know before reading the table of findings."""
    notes = list(audit.notes)
    if _policy(decision) is None:
        notes.append("The limits are not shown: the policy is not at hand in the version that decided.")
    if not audit.calibration:
        notes.append("No leaks were planted, so nothing is known of what these attacks would have seen on this table.")
    if not audit.findings:
        notes.append("No attack gave a finding.")
    return notes


def coverage_part(audit: AuditResult) -> list[Fact]:
    """For each column what looked at it, in words."""
    return [Fact(name=name, value=_lookers(attacks)) for name, attacks in audit.coverage.items()]


def _lookers(attacks: Sequence[str]) -> str:
    look_ups = [LOOK_UPS[attack] for attack in attacks if attack in LOOK_UPS]
    records = len(attacks) - len(look_ups)
    said = [f"{records} attacks on records"] if records else []
    return "; ".join([*said, *look_ups]) or "no attack"


def _policy(decision: Json) -> Policy | None:
    """The policy that decided; None where it is not here in the version that did."""
    try:
        policy = load_policy(str(decision.get("policy")))
    except PolicyError:
        return None
    return policy if policy.version == decision.get("policy_version") else None


def _finding(
    finding: Finding, limits: Sequence[Limit], trials: Sequence[Planted], deciding: frozenset[str]
) -> FindingPart:
    limit = next((limit for limit in limits if limit.covers(finding)), None)
    decides = finding.key in deciding
    smallest = smallest_stopped(trials, finding, limit) if limit is not None and decides else None
    reason = finding.note or {
        FindingStatus.NOT_APPLICABLE: "the table has nothing that this attack works on",
        FindingStatus.FAILED: "the attack crashed",
    }.get(finding.status, "")
    is_measured = finding.status is FindingStatus.MEASURED
    return FindingPart(
        key=finding.key,
        attack=finding.attack,
        statistic=finding.statistic,
        title=title(finding.attack, finding.statistic),
        unit=unit(finding.statistic),
        status=finding.status.value,
        figure=_value(finding, reason),
        baseline=finite(finding.baseline),
        minimum_detectable=figure(finding.minimum_detectable if is_measured else None, reason=reason),
        n=finding.n,
        limit=None if limit is None else limit.pass_below,
        block_limit=limit.block_above if limit is not None and limit.may_block else None,
        gate="" if limit is None else limit.gate,
        limit_title="" if limit is None else limit.title,
        decides=decides,
        gating=finding.gating,
        threat=finding.threat,
        control=_control(finding, limit, trials, decides=decides),
        trials=[
            Trial(plant=t.plant.value, title=PLANTS[t.plant], caught=t.caught, value=t.value, lower=t.lower)
            for t in trials
        ],
        smallest_share_stopped="" if smallest is None else PLANTS[smallest],
        note=finding.note if is_measured else "",
        details={name: number for name, value in finding.details.items() if (number := finite(value)) is not None},
    )


def _value(finding: Finding, reason: str) -> Figure:
    if finding.status is not FindingStatus.MEASURED:
        return absent(reason)
    return figure(finding.value, lower=finding.lower, upper=finding.upper)


def _control(finding: Finding, limit: Limit | None, trials: Sequence[Planted], *, decides: bool) -> Control:
    if finding.attack in NO_PLANT:
        return Control(
            plant="", state="not_measured", note="Checks whether the tables can be compared: no leak is planted for it."
        )
    if limit is None:
        return Control(plant="", state="not_measured", note="No limit of the policy rests on it.")
    if finding.status is not FindingStatus.MEASURED:
        return Control(plant="", state="not_measured")
    own = trial_at_limit(trials, finding, limit)
    if own is None:
        return Control(plant="", state="not_measured", note="No leak of the size of its limit was planted for it.")
    if sees(trials, finding, limit):
        note = "" if decides else "Too coarse on this table to decide, so it stops nothing."
        return Control(plant=own.plant.value, state="caught", note=note)
    note = "Would have let this leak pass, so its silence means nothing."
    return Control(plant=own.plant.value, state="missed", note=note)
