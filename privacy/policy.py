"""The one function that turns findings into a verdict, by the limits of a policy."""

from __future__ import annotations

from dataclasses import dataclass, replace

from privacy.audit import AuditResult
from privacy.budget import plan
from privacy.caveats import caveats
from privacy.finding import TOGETHER, Decision, FindingStatus, Ruling, Verdict
from privacy.limits import Limit, Policy, load_policy, policies, read_policy
from privacy.modes import verdicts
from privacy.rules import (
    about,
    breaks,
    doubts,
    kept,
    little,
    no_control,
    proven,
    small,
    uncovered,
    undecided,
)
from privacy.sensitivity import sees
from privacy.wording import (
    attacked_in_part,
    blocked,
    not_attacked,
    nothing_exceeded,
    taken_together,
)

__all__ = ["Limit", "Policy", "decide", "load_policy", "policies", "read_policy"]

DRAWING = ("shadow",)
"""Attacks that draw records from the model, and so tell of access to sampling."""
WORSE = (Verdict.PASS, Verdict.REVIEW, Verdict.INSUFFICIENT, Verdict.VOID, Verdict.BLOCK)
"""From best to worst."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judged:
    """What the rules say of one audit."""

    verdict: Verdict
    rulings: tuple[Ruling, ...]
    relied_on: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(ruling.reason for ruling in self.rulings)


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
       or if none looked at some column. And if the synthetic table has so few records that some attacks are not run on
       it, or that half of it could be near copies and keep the limit on them.
    6. PASS. It names each figure whose lower bound is above its baseline.

    Which statistics decide follows from one budget of error: see `privacy.budget`.

    Where earlier releases from the same data were attacked together with this table (`AuditResult.together`), both are
    judged and the worse verdict holds: BLOCK, VOID, INSUFFICIENT, REVIEW, PASS. Where some could not be attacked
    (`AuditResult.not_attacked`), or only as far as records are equal (`in_part`), the verdict is REVIEW at best.

    That is the verdict on the file. `Decision.modes` has those on the other ways of releasing: see `privacy.modes`.
    """
    judged = _of_file(result, policy)
    whole = result.of_all_tables()
    if whole is not None:
        judged = _with_all(judged, _of_file(whole, policy), whole.sizes.get("tables", 1))
    for tables, reason in ((result.not_attacked, not_attacked), (result.in_part, attacked_in_part)):
        if tables:
            judged = _worse(judged, _Judged(verdict=Verdict.REVIEW, rulings=(about(Verdict.REVIEW, reason(tables)),)))
    widest = result if whole is None else whole
    modes = verdicts(widest, judged.verdict, judged.reasons, draws=_drew(widest), kept=_draws_kept(widest, policy))
    return Decision(
        verdict=judged.verdict,
        policy=policy.name,
        policy_version=policy.version,
        reasons=judged.reasons,
        modes=modes,
        rulings=judged.rulings,
        relied_on=judged.relied_on,
    )


def _of_file(result: AuditResult, policy: Policy) -> _Judged:
    spent = plan(policy.judged(result.findings), lambda limit, finding: sees(result.calibration, finding, limit))
    leaks = proven(result, policy)
    rulings = [
        *no_control(result),
        *(about(Verdict.BLOCK, blocked(f, limit.title, limit.block_above), f.key) for f, limit in leaks),
        *breaks(result, policy),
        *small(result, policy),
        *undecided(result, policy, spent),
        *doubts(result, policy, spent, {finding.key for finding, _ in leaks}),
        *uncovered(result),
        *little(result, policy),
    ]
    # They stand in order of precedence: the first one decides.
    verdict = rulings[0].verdict if rulings else Verdict.PASS
    if verdict is Verdict.PASS:
        said = nothing_exceeded(result.battery_version, result.sizes)
        rulings = [about(Verdict.PASS, said), *caveats(result, policy, spent)]
    return _Judged(verdict=verdict, rulings=tuple(rulings), relied_on=kept(result, policy, spent))


def _with_all(alone: _Judged, together: _Judged, tables: int) -> _Judged:
    """The worse of this table alone and of that many tables together, whose rulings are said to be about all of them.

    What holds of both in the same words is said once.
    """
    is_said = alone.verdict is not Verdict.PASS or together.verdict is Verdict.PASS
    known = set(alone.reasons) if is_said else set()
    rulings = tuple(
        replace(
            ruling,
            reason=taken_together(tables, ruling.reason),
            findings=tuple(TOGETHER + key for key in ruling.findings),
        )
        for ruling in together.rulings
        if ruling.reason not in known
    )
    relied_on = tuple(TOGETHER + key for key in together.relied_on)
    return _worse(alone, replace(together, rulings=rulings, relied_on=relied_on))


def _worse(alone: _Judged, other: _Judged) -> _Judged:
    """The worse verdict of the two, with the rulings of both; a PASS says nothing beside a verdict that is none."""
    verdict = max(alone.verdict, other.verdict, key=WORSE.index)
    said = [each for each in (alone, other) if each.verdict is not Verdict.PASS or verdict is Verdict.PASS]
    return _Judged(
        verdict=verdict,
        rulings=tuple(ruling for each in said for ruling in each.rulings),
        relied_on=(*alone.relied_on, *other.relied_on),
    )


def _drew(result: AuditResult) -> bool:
    """Whether an attack that draws from the model gave a figure."""
    return any(f.attack in DRAWING and f.status is FindingStatus.MEASURED for f in result.findings)


def _draws_kept(result: AuditResult, policy: Policy) -> bool:
    judged = [(f, limit) for limit in policy.limits for f in limit.measured(result.findings) if f.attack in DRAWING]
    return bool(judged) and all(
        f.upper is not None and f.upper <= limit.pass_below and sees(result.calibration, f, limit)
        for f, limit in judged
    )
