"""The one function that turns findings into a verdict, by the limits of a policy."""

from __future__ import annotations

from functools import partial
from math import isfinite, isnan, nan

from privacy.audit import AuditResult
from privacy.budget import PROOF_LEVEL, SIGN_LEVEL, Plan, people_needed, plan
from privacy.caveats import caveats
from privacy.coverage import unseen
from privacy.estimate import holm, upper_tail_p
from privacy.finding import Decision, Finding, FindingStatus, Verdict
from privacy.limits import Limit, Policy, load_policy, policies, read_policy
from privacy.modes import verdicts
from privacy.sensitivity import sees
from privacy.validity import CHECKS, voids
from privacy.wording import (
    asked_for,
    attacked_in_part,
    beyond_limit,
    blocked,
    coverage_unknown,
    crashed,
    drift_unknown,
    drifted,
    missing_sentence,
    not_attacked,
    not_checked,
    not_run,
    nothing_exceeded,
    only_coarse,
    only_named,
    seen_by_nobody,
    sign_of_a_leak,
    taken_together,
    too_few_people,
    too_few_records,
)

__all__ = ["Limit", "Policy", "decide", "load_policy", "policies", "read_policy"]

DRAWING = ("shadow",)
"""Attacks that draw records from the model, and so tell of access to sampling."""
WORSE = (Verdict.PASS, Verdict.REVIEW, Verdict.INSUFFICIENT, Verdict.VOID, Verdict.BLOCK)
"""From best to worst."""

Judged = tuple[Verdict, tuple[str, ...]]


def decide(result: AuditResult, policy: Policy) -> Decision:
    """The verdict of `policy` on `result`, with a reason for each rule that spoke.

    The first of these that holds decides, and the reasons of all that hold are given:

    1. VOID, if train and holdout differ (drift), if somebody stands in two of train, holdout and reference (overlap),
       or if the generator has seen holdout or reference (seen): then no comparison of them proves anything, a leak
       included.
    2. BLOCK, if a lower bound is above its limit after Holm's correction over all that may block. A proven leak is
       never hidden by an attack that crashed or by a small holdout: a small holdout makes leaks harder to prove, not
       easier.
    3. VOID, if the tables are not in one coding (comparability), if an attack crashed or took too long, if a check of
       the tables is missing or drift has no figure, or if an attack was not run that a limit names and that may not be
       left out.
    4. INSUFFICIENT, if train or holdout has fewer records than the policy asks for (or than the drift check does), or
       if none of the statistics of a limit can decide on so few people; one record counts for each person, where
       persons are named.
    5. REVIEW, if the upper bound of a statistic that decides is above its limit; if one that does not decide shows a
       sign of a leak, its lower bound being above the baseline after Holm's correction; if nothing that decides for a
       limit would have stopped the leak planted for it; or if nothing was measured for a limit that is required. What
       the sender of a job added by name does not stand in for what an attack chooses by itself: see `_relied_on`. And
       if nobody can know whether the generator has seen holdout or reference, or which attacks looked at which column,
       or if none looked at some column.
    6. PASS. It names each figure whose lower bound is above its baseline.

    Which statistics decide follows from one budget of error: see `privacy.budget`.

    Where earlier releases from the same data were attacked together with this table (`AuditResult.together`), both are
    judged and the worse verdict holds: BLOCK, VOID, INSUFFICIENT, REVIEW, PASS. Where some could not be attacked
    (`AuditResult.not_attacked`), or only as far as records are equal (`in_part`), the verdict is REVIEW at best.

    That is the verdict on the file. `Decision.modes` has those on the other ways of releasing: see `privacy.modes`.
    """
    verdict, reasons = _of_file(result, policy)
    whole = result.of_all_tables()
    if whole is not None:
        verdict, reasons = _worse((verdict, reasons), _of_file(whole, policy), whole.sizes.get("tables", 1))
    for tables, reason in ((result.not_attacked, not_attacked), (result.in_part, attacked_in_part)):
        if tables:
            verdict, reasons = _worse((verdict, reasons), (Verdict.REVIEW, (reason(tables),)), None)
    judged = result if whole is None else whole
    modes = verdicts(judged, verdict, reasons, draws=_drew(judged), kept=_draws_kept(judged, policy))
    return Decision(verdict=verdict, policy=policy.name, policy_version=policy.version, reasons=reasons, modes=modes)


def _of_file(result: AuditResult, policy: Policy) -> Judged:
    spent = plan(policy.judged(result.findings), lambda limit, finding: sees(result.calibration, finding, limit))
    drift, breaks = _drift(result), _breaks(result, policy)
    proven = _proven(result, policy)
    blocks = [blocked(finding, limit.title, limit.block_above) for finding, limit in proven]
    few = [*_small(result, policy), *_undecided(result, policy, spent)]
    doubts = _doubts(result, policy, spent, {finding.key for finding, _ in proven})
    if not result.coverage:
        doubts.append(coverage_unknown())
    elif columns := unseen(result.coverage):
        doubts.append(seen_by_nobody(columns))
    ranked = (
        (Verdict.VOID, [*drift, *_no_control(result)]),
        (Verdict.BLOCK, blocks),
        (Verdict.VOID, breaks),
        (Verdict.INSUFFICIENT, few),
        (Verdict.REVIEW, doubts),
    )
    verdict = next((verdict for verdict, reasons in ranked if reasons), Verdict.PASS)
    reasons = [reason for _, some in ranked for reason in some]
    if verdict is Verdict.PASS:
        reasons = [
            nothing_exceeded(result.battery_version, result.sizes),
            *caveats(result, policy, spent),
        ]
    return verdict, tuple(reasons)


def _worse(alone: Judged, together: Judged, tables: int | None) -> Judged:
    """The worse verdict of the two, with the reasons of both; a PASS says nothing beside a verdict that is none.

    The reasons of `together` are said to be about that many tables, where it is given.
    """
    verdict = max(alone[0], together[0], key=WORSE.index)
    own = alone[1] if alone[0] is not Verdict.PASS or verdict is Verdict.PASS else ()
    others = together[1] if together[0] is not Verdict.PASS or verdict is Verdict.PASS else ()
    new = [reason for reason in others if reason not in own]
    return verdict, (*own, *(new if tables is None else [taken_together(tables, reason) for reason in new]))


def _drew(result: AuditResult) -> bool:
    """Whether an attack that draws from the model gave a figure."""
    return any(f.attack in DRAWING and f.status is FindingStatus.MEASURED for f in result.findings)


def _draws_kept(result: AuditResult, policy: Policy) -> bool:
    judged = [(f, limit) for limit in policy.limits for f in limit.measured(result.findings) if f.attack in DRAWING]
    return bool(judged) and all(
        f.upper is not None and f.upper <= limit.pass_below and sees(result.calibration, f, limit)
        for f, limit in judged
    )


def _drift(result: AuditResult) -> list[str]:
    return [drifted(f) for f in result.findings if f.attack == "drift" and f.details.get("lower_99", 0.0) > 0.5]


def _no_control(result: AuditResult) -> list[str]:
    return [f.note for f in result.findings if voids(f) and f.attack != "comparability"]


def _breaks(result: AuditResult, policy: Policy) -> list[str]:
    reasons = [f.note for f in result.findings if voids(f) and f.attack == "comparability"]
    reasons += [crashed(f) for f in result.findings if f.status is FindingStatus.FAILED]
    run = {f.attack for f in result.findings}
    reasons += [not_checked(check) for check in CHECKS if check not in run]
    if not any(_tells_drift(f) or _too_small_for_drift(f) for f in result.findings):
        reasons.append(drift_unknown(""))
    reasons.extend(
        not_run(limit.title) for limit in policy.limits if not limit.may_be_left_out and limit.unmet(result.findings)
    )
    return reasons


def _tells_drift(finding: Finding) -> bool:
    """Whether this is a drift check with the figure that `_drift` judges."""
    is_measured = finding.attack == "drift" and finding.status is FindingStatus.MEASURED
    return is_measured and isfinite(finding.details.get("lower_99", nan))


def _too_small_for_drift(finding: Finding) -> bool:
    return finding.attack == "drift" and finding.status is FindingStatus.NOT_APPLICABLE


def _proven(result: AuditResult, policy: Policy) -> list[tuple[Finding, Limit]]:
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


def _small(result: AuditResult, policy: Policy) -> list[str]:
    reasons = [
        too_few_records(side, result.sizes.get(side, 0), policy.minimum_holdout)
        for side in ("train", "holdout")
        if result.sizes.get(side, 0) < policy.minimum_holdout
    ]
    if not any(map(_tells_drift, result.findings)):
        reasons.extend(drift_unknown(f.note) for f in result.findings if _too_small_for_drift(f))
    return reasons


def _undecided(result: AuditResult, policy: Policy, spent: Plan) -> list[str]:
    """The limits for which something was measured and nothing decides, with the number of people that it would take."""
    reasons, attacked = [], result.sizes.get("attacked", 0)
    for limit in policy.limits:
        measured = _relied_on(limit, limit.measured(result.findings))
        if limit.may_lack_power or not measured or any(finding.key in spent.decides for finding in measured):
            continue
        best = min(measured, key=partial(people_needed, limit=limit, people=attacked))
        reasons.append(too_few_people(best, limit.title, attacked, people_needed(best, limit, attacked)))
    return reasons


def _doubts(result: AuditResult, policy: Policy, spent: Plan, proven: set[str]) -> list[str]:
    reasons = [f.note for f in result.findings if f.attack == "seen" and f.status is FindingStatus.NOT_APPLICABLE]
    for limit in policy.limits:
        measured = limit.measured(result.findings)
        over = [f for f in measured if f.key not in proven and _fails(f, limit, spent)]
        reasons.extend(beyond_limit(f, limit.title, limit.pass_below) for f in over)
        if limit.required and limit.may_be_left_out and limit.unmet(result.findings):
            reasons.append(asked_for(limit.title))
            continue
        relied_on = _relied_on(limit, measured)
        deciding = [f for f in relied_on if f.key in spent.decides]
        if not (limit.required or relied_on) or (relied_on and not deciding):
            continue
        if any(sees(result.calibration, f, limit) for f in deciding):
            continue
        seeing = [f for f in measured if sees(result.calibration, f, limit)]
        if any(not f.named for f in seeing) and limit.may_lack_power:
            continue
        if any(not f.named for f in seeing):
            reasons.append(only_coarse(limit.title, [f for f in seeing if not f.named]))
        elif seeing:
            reasons.append(only_named(limit.title))
        else:
            reasons.append(missing_sentence(limit.title, [f for f in result.findings if limit.covers(f)]))
    return [*reasons, *_signs(spent, proven)]


def _fails(finding: Finding, limit: Limit, spent: Plan) -> bool:
    """Whether the upper end is above the limit, or is none, of a statistic that decides."""
    if finding.upper is None or isnan(finding.upper):
        return True
    return finding.key in spent.decides and finding.upper > limit.pass_below


def _signs(spent: Plan, proven: set[str]) -> list[str]:
    """The statistics too coarse to decide that show a leak all the same, of whatever size."""
    coarse = [f for f, _ in spent.coarse if f.value is not None and f.lower is not None]
    p_values = [upper_tail_p(f.value or 0.0, f.lower or 0.0, f.baseline or 0.0) for f in coarse]
    shown = [f for f, rejected in zip(coarse, holm(p_values, level=SIGN_LEVEL), strict=True) if rejected]
    return [sign_of_a_leak(finding) for finding in shown if finding.key not in proven]


def _relied_on(limit: Limit, measured: list[Finding]) -> list[Finding]:
    """The findings of which one must see its plant: those that the sender of the job had no say in.

    Else one easy column, named by the sender, would stand in for all that the attack chose and could not see. Only
    where a limit asks for no measurement, and the attack's own choice gave none, do the named ones count.
    """
    own = [finding for finding in measured if not finding.named]
    return own if own or limit.required else measured
