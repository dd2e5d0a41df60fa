"""The rules of a policy, each with the rulings that it makes on an audit. `privacy.policy` weighs them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from math import ceil, isfinite, isnan, nan

from privacy.audit import AuditResult
from privacy.budget import PROOF_LEVEL, SIGN_LEVEL, Plan, people_needed
from privacy.coverage import unseen
from privacy.estimate import holm, upper_tail_p
from privacy.finding import Finding, FindingStatus, Ruling, Verdict
from privacy.limits import Limit, Policy
from privacy.scores import FEWEST_SYNTHETIC
from privacy.sensitivity import sees
from privacy.validity import CHECKS, voids
from privacy.wording import (
    asked_for,
    beyond_limit,
    coverage_unknown,
    crashed,
    drift_unknown,
    drifted,
    missing_sentence,
    mostly_by_chance,
    not_checked,
    not_run,
    only_coarse,
    only_named,
    seen_by_nobody,
    sign_of_a_leak,
    too_few_in_shares,
    too_few_people,
    too_few_records,
    too_few_synthetic,
)

NEAR_COPIES = "agreement.excess_all_but_two"
"""The statistic of near copies: a share of the people of train, and not of the synthetic records."""
HALF_OF_IT = 0.5
"""Near copies exceed their limit where so large a part of the synthetic table consists of them, at the latest."""
CONTROL_SUCCESS = "success_on_holdout"
MOSTLY = 0.8
"""Where chance succeeds more often than that, a limit on the fifth that is left takes 25 times the people or more."""


def about(verdict: Verdict, reason: str, *findings: str, whole: bool = False) -> Ruling:
    """A ruling about these findings."""
    return Ruling(verdict=verdict, reason=reason, findings=findings, whole=whole)


def no_control(result: AuditResult) -> list[Ruling]:
    """That train, holdout and reference are no fair comparison: then nothing that compares them proves anything."""
    drift = [f for f in result.findings if f.attack == "drift" and f.details.get("lower_99", 0.0) > 0.5]
    checks = [f for f in result.findings if voids(f) and f.attack != "comparability"]
    said = [*((f, drifted(f)) for f in drift), *((f, f.note) for f in checks)]
    return [about(Verdict.VOID, reason, finding.key, whole=True) for finding, reason in said]


def breaks(result: AuditResult, policy: Policy) -> list[Ruling]:
    """That part of the test cannot be trusted, or is missing."""
    void = partial(about, Verdict.VOID)
    found = [void(f.note, f.key, whole=True) for f in result.findings if voids(f) and f.attack == "comparability"]
    found += [void(crashed(f), f.key) for f in result.findings if f.status is FindingStatus.FAILED]
    run = {f.attack for f in result.findings}
    found += [void(not_checked(check), f"{check}.*", whole=True) for check in CHECKS if check not in run]
    if not any(_tells_drift(f) or _too_small_for_drift(f) for f in result.findings):
        found.append(void(drift_unknown(""), "drift.auc", whole=True))
    unrun = (limit for limit in policy.limits if not limit.may_be_left_out and limit.unmet(result.findings))
    return [*found, *(void(not_run(limit.title), *limit.findings) for limit in unrun)]


def _tells_drift(finding: Finding) -> bool:
    """Whether this is a drift check with the figure that `_drift` judges."""
    is_measured = finding.attack == "drift" and finding.status is FindingStatus.MEASURED
    return is_measured and isfinite(finding.details.get("lower_99", nan))


def _too_small_for_drift(finding: Finding) -> bool:
    return finding.attack == "drift" and finding.status is FindingStatus.NOT_APPLICABLE


def proven(result: AuditResult, policy: Policy) -> list[tuple[Finding, Limit]]:
    """The findings whose lower end is above their limit after Holm's correction over all that may block."""
    judged = [
        (finding, limit)
        for limit in policy.limits
        if limit.may_block
        for finding in limit.measured(result.findings)
        if finding.value is not None and finding.lower is not None
    ]
    asked: dict[str, list[tuple[float, Finding, Limit]]] = {}
    for f, limit in judged:
        p_value = upper_tail_p(f.value or 0.0, f.lower or 0.0, limit.block_above)
        asked.setdefault(_question(f.key), []).append((p_value, f, limit))
    several = [(len(some) * min(p_value for p_value, _, _ in some), some) for some in asked.values()]
    rejected = holm([p_value for p_value, _ in several], level=PROOF_LEVEL)
    proven = [(some, len(some)) for (_, some), is_rejected in zip(several, rejected, strict=True) if is_rejected]
    return [(f, limit) for some, count in proven for p_value, f, limit in some if count * p_value <= PROOF_LEVEL]


def _question(key: str) -> str:
    """What a finding asks. One with the coding undone asks what the plain one does, so that they share one test.

    Else each would make every other leak harder to prove. Within one question: Bonferroni.
    """
    return key.replace("aligned_", "plain_")


def small(result: AuditResult, policy: Policy) -> list[Ruling]:
    """That there are too few people on one of the sides."""
    reasons = [
        too_few_records(side, result.sizes.get(side, 0), policy.minimum_holdout)
        for side in ("train", "holdout")
        if result.sizes.get(side, 0) < policy.minimum_holdout
    ]
    reasons += [
        too_few_in_shares(side, policy.minimum_holdout)
        for side, size in result.in_shares.items()
        if size < min(policy.minimum_holdout, result.sizes.get(side, 0))
    ]
    if not any(map(_tells_drift, result.findings)):
        reasons.extend(drift_unknown(f.note) for f in result.findings if _too_small_for_drift(f))
    return [about(Verdict.INSUFFICIENT, reason, "drift.auc", whole=True) for reason in reasons]


def little(result: AuditResult, policy: Policy) -> list[Ruling]:
    """That the synthetic table has so few records that it may pass whatever they are.

    Some attacks take FEWEST_SYNTHETIC records to learn from, and are not run on fewer. And near copies are counted
    among the people of train, of whom a table of few records can give away but few.
    """
    records, people = result.sizes.get("synthetic", 0), result.sizes.get("train", 0)
    limits = [each for each in policy.limits if any(fnmatchcase(NEAR_COPIES, pattern) for pattern in each.findings)]
    needed = max([FEWEST_SYNTHETIC, *(ceil(each.pass_below * people / HALF_OF_IT) for each in limits)])
    return [] if records >= needed else [about(Verdict.REVIEW, too_few_synthetic(records, needed), whole=True)]


def undecided(result: AuditResult, policy: Policy, spent: Plan) -> list[Ruling]:
    """The limits for which something was measured and nothing decides, with the number of people that it would take."""
    rulings, attacked = [], result.sizes.get("attacked", 0)
    for limit in policy.limits:
        measured = _relied_on(limit, limit.measured(result.findings))
        if limit.may_lack_power or not measured or any(finding.key in spent.decides for finding in measured):
            continue
        if _is_mostly_chance(measured):
            continue  # more people would not help: `doubts` leaves it to a person
        best = min(measured, key=partial(people_needed, limit=limit, people=attacked))
        said = too_few_people(best, limit.title, attacked, people_needed(best, limit, attacked))
        rulings.append(about(Verdict.INSUFFICIENT, said, *(finding.key for finding in measured)))
    return rulings


def doubts(result: AuditResult, policy: Policy, spent: Plan, proven: set[str]) -> list[Ruling]:
    """What a person has to judge: limits that are not shown to be kept, and signs of a leak."""
    review = partial(about, Verdict.REVIEW)
    unseen_by_check = (f for f in result.findings if f.attack == "seen" and f.status is FindingStatus.NOT_APPLICABLE)
    rulings = [review(f.note, f.key) for f in unseen_by_check]
    for limit in policy.limits:
        measured = limit.measured(result.findings)
        over = [f for f in measured if f.key not in proven and _fails(f, limit, spent)]
        rulings.extend(review(beyond_limit(f, limit.title, limit.pass_below), f.key) for f in over)
        if (
            not limit.may_lack_power
            and _is_mostly_chance(measured)
            and not any(f.key in spent.decides for f in measured)
        ):
            rulings.append(review(mostly_by_chance(measured[0], limit.title), *(f.key for f in measured)))
        elif doubt := _nothing_to_rely_on(limit, result, spent):
            rulings.append(review(doubt, *limit.findings))
    return [*rulings, *(review(sign_of_a_leak(f), f.key) for f in _signs(spent, proven))]


def _is_mostly_chance(measured: list[Finding]) -> bool:
    """Whether every attack succeeds against most held-out people, of whom the synthetic table knows nothing.

    Where many people share each record, as with a dozen yes-or-no columns, chance does what the attack does. The share
    of the other people is too small for a limit on it, and stays so however many people there are.
    """
    return bool(measured) and all(f.details.get(CONTROL_SUCCESS, 0.0) > MOSTLY for f in measured)


def _nothing_to_rely_on(limit: Limit, result: AuditResult, spent: Plan) -> str:
    """Why nothing can be relied on for this limit; empty where something can, or nothing need."""
    if limit.required and limit.may_be_left_out and limit.unmet(result.findings):
        return asked_for(limit.title)
    measured = limit.measured(result.findings)
    relied_on = _relied_on(limit, measured)
    deciding = [f for f in relied_on if f.key in spent.decides]
    if not (limit.required or relied_on) or (relied_on and not deciding):
        return ""
    if any(sees(result.calibration, f, limit) for f in deciding):
        return ""
    seeing = [f for f in measured if sees(result.calibration, f, limit)]
    if own := [f for f in seeing if not f.named]:
        return "" if limit.may_lack_power else only_coarse(limit.title, own)
    if seeing:
        return only_named(limit.title)
    return missing_sentence(limit.title, [f for f in result.findings if limit.covers(f)])


def _fails(finding: Finding, limit: Limit, spent: Plan) -> bool:
    """Whether the upper end is above the limit, or is none, of a statistic that decides."""
    if finding.upper is None or isnan(finding.upper):
        return True
    return finding.key in spent.decides and finding.upper > limit.pass_below


def _signs(spent: Plan, proven: set[str]) -> list[Finding]:
    """The statistics too coarse to decide that show a leak all the same, of whatever size."""
    coarse = [f for f, _ in spent.coarse if f.value is not None and f.lower is not None]
    p_values = [upper_tail_p(f.value or 0.0, f.lower or 0.0, f.baseline or 0.0) for f in coarse]
    shown = [f for f, rejected in zip(coarse, holm(p_values, level=SIGN_LEVEL), strict=True) if rejected]
    return [finding for finding in shown if finding.key not in proven]


def _relied_on(limit: Limit, measured: list[Finding]) -> list[Finding]:
    """The findings of which one must see its plant: those that the sender of the job had no say in.

    Else one easy column, named by the sender, would stand in for all that the attack chose and could not see. Only
    where a limit asks for no measurement, and the attack's own choice gave none, do the named ones count.
    """
    own = [finding for finding in measured if not finding.named]
    return own if own or limit.required else measured


def uncovered(result: AuditResult) -> list[Ruling]:
    """That nobody looked at some columns, or that nobody knows."""
    if not result.coverage:
        return [about(Verdict.REVIEW, coverage_unknown())]
    columns = unseen(result.coverage)
    return [about(Verdict.REVIEW, seen_by_nobody(columns))] if columns else []


def kept(result: AuditResult, policy: Policy, spent: Plan) -> tuple[str, ...]:
    """The findings that decide, would have exceeded their limit with the leak planted for them, and kept it."""
    judged = policy.judged(result.findings)
    found = [
        finding.key
        for finding, limit in judged
        if finding.key in spent.decides
        and sees(result.calibration, finding, limit)
        and not _fails(finding, limit, spent)
    ]
    return tuple(dict.fromkeys(found))
