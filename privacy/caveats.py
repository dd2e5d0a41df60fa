"""What whoever signs a PASS has to know: figures above their baseline, leaks that would have been stopped, and gaps."""

from __future__ import annotations

from collections.abc import Sequence

from privacy.audit import AuditResult
from privacy.budget import Plan, people_needed
from privacy.finding import Finding, Ruling, Verdict
from privacy.limits import Policy
from privacy.plants import plants_of
from privacy.sensitivity import sees, smallest_stopped
from privacy.wording import (
    above_baseline,
    blind_sentence,
    coarse_sentence,
    left_out,
    stopped_sentence,
    undecided,
    within_reach,
)


def caveats(result: AuditResult, policy: Policy, spent: Plan) -> list[Ruling]:
    """A ruling for each figure above its baseline, one on leaks that would have been stopped, one for each gap."""
    stopped = Ruling(verdict=Verdict.PASS, reason=_stopped(result, policy, spent))
    return [*_above_baseline(result, policy), stopped, *_gaps(result, policy, spent)]


def _above_baseline(result: AuditResult, policy: Policy) -> list[Ruling]:
    """Each figure that shows a leak, by the strictest of its limits."""
    found: dict[str, tuple[Finding, float]] = {}
    for finding, limit in policy.judged(result.findings):
        if (finding.lower or 0.0) > (finding.baseline or 0.0):
            strictest = min(limit.pass_below, found.get(finding.key, (finding, limit.pass_below))[1])
            found[finding.key] = finding, strictest
    return [Ruling(verdict=Verdict.PASS, reason=above_baseline(*each), findings=(key,)) for key, each in found.items()]


def _stopped(result: AuditResult, policy: Policy, spent: Plan) -> str:
    """For each limit the smallest planted leak that would have changed the verdict: by a statistic that decides."""
    stopped: dict[str, tuple[float, str]] = {}
    for finding, limit in policy.judged(result.findings):
        smallest = smallest_stopped(result.calibration, finding, limit)
        if smallest is not None and finding.key in spent.decides:
            leak = plants_of(finding.key)[smallest], smallest.value.replace("_", " ").replace(" percent", " %")
            stopped[limit.title] = min(leak, stopped.get(limit.title, leak))
    return stopped_sentence({title: leak for title, (_, leak) in stopped.items()})


def _gaps(result: AuditResult, policy: Policy, spent: Plan) -> list[Ruling]:
    """What a PASS does not rest on: statistics that are blind or too coarse, and limits that had nothing to measure."""
    judged = policy.judged(result.findings)
    people = result.sizes.get("attacked", 0)
    blind = [f.key for f, limit in judged if f.key in spent.decides and not sees(result.calibration, f, limit)]
    coarse = {f.key: people_needed(f, limit, people) for f, limit in spent.coarse}
    absent = [limit for limit in policy.limits if not limit.required and not limit.measured(result.findings)]
    skipped = [limit.title for limit in absent if limit.may_be_left_out and limit.unmet(result.findings)]
    nothing = [limit.title for limit in absent if limit.title not in skipped]
    decided = {limit.title for f, limit in judged if f.key in spent.decides and sees(result.calibration, f, limit)}
    open_limits = list(dict.fromkeys(limit.title for _, limit in judged if limit.title not in decided))
    sentences = (
        (blind, blind_sentence(blind), ()),
        (coarse, coarse_sentence(coarse), ()),
        (open_limits, undecided(open_limits), _patterns(policy, open_limits)),
        (nothing, within_reach(nothing), _patterns(policy, nothing)),
        (skipped, left_out(skipped), _patterns(policy, skipped)),
    )
    return [Ruling(verdict=Verdict.PASS, reason=said, findings=about) for told, said, about in sentences if told]


def _patterns(policy: Policy, titles: Sequence[str]) -> tuple[str, ...]:
    """The patterns of the findings on which the limits of these titles are."""
    return tuple(pattern for limit in policy.limits if limit.title in titles for pattern in limit.findings)
