"""Policies, which are data, and the one function that turns findings into a verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from math import isfinite, nan
from typing import TypeVar

from privacy.audit import AuditResult
from privacy.calibration import own_plant
from privacy.errors import PolicyError
from privacy.estimate import holm, upper_tail_p
from privacy.finding import Decision, Finding, FindingStatus, Verdict
from privacy.wording import (
    beyond_limit,
    blind_sentence,
    blocked,
    crashed,
    drift_unknown,
    drifted,
    missing_sentence,
    not_run,
    nothing_exceeded,
    too_few_records,
    within_reach,
)

T = TypeVar("T")

LEVEL = 0.025
"""One-sided: the level at which the lower end of a two-sided 95 % interval speaks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """What one gate allows for the statistics whose `attack.statistic` matches one of its patterns."""

    gate: str
    title: str
    findings: tuple[str, ...]
    """Shell patterns, e.g. `membership.*_auc`."""
    pass_below: float
    """PASS needs every upper bound at or below this."""
    block_above: float
    """BLOCK needs a lower bound above this, after Holm's correction over all gates."""
    required: bool
    """Whether PASS needs a measurement even where the table has nothing to measure. Where one was made, one that is not
    blind is always needed."""

    def covers(self, finding: Finding) -> bool:
        """Whether this limit judges the finding."""
        return finding.gating and any(fnmatchcase(finding.key, pattern) for pattern in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Limits with a name and a version, and what a PASS entitles to."""

    name: str
    version: str
    title: str
    auto_release: bool
    """Whether PASS releases the table without a person."""
    four_eyes: bool
    """Whether the one approval must come from another key than the one that sent the job."""
    minimum_holdout: int
    """Fewer records than this in train or holdout give INSUFFICIENT; where persons are named, each counts as one."""
    limits: tuple[Limit, ...]

    def to_json(self) -> dict[str, object]:
        """The policy as JSON values, as `read_policy` reads them."""
        return {
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "auto_release": self.auto_release,
            "four_eyes": self.four_eyes,
            "minimum_holdout": self.minimum_holdout,
            "limits": [
                {
                    "gate": limit.gate,
                    "title": limit.title,
                    "findings": list(limit.findings),
                    "pass_below": limit.pass_below,
                    "block_above": limit.block_above,
                    "required": limit.required,
                }
                for limit in self.limits
            ],
        }


def policies() -> tuple[str, ...]:
    """The names of the policies that are shipped, sorted."""
    found = (files("privacy") / "policies").iterdir()
    return tuple(sorted(entry.name.removesuffix(".json") for entry in found if entry.name.endswith(".json")))


def load_policy(name: str) -> Policy:
    """The shipped policy of this name. Raises PolicyError if there is none or it is not well formed."""
    if name not in policies():
        raise PolicyError(f"expected one of the policies {', '.join(policies())}, got another name")
    return read_policy((files("privacy") / "policies" / f"{name}.json").read_text(encoding="utf-8"))


def read_policy(text: str) -> Policy:
    """The policy in a JSON text. Raises PolicyError naming the field that is missing or wrong."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise PolicyError(f"expected a policy in JSON, got something else at line {error.lineno}") from None
    if not isinstance(data, dict):
        raise PolicyError(f"expected a policy as a JSON object, got {type(data).__name__}")
    limits = _field(data, "limits", list)
    if not limits:
        raise PolicyError("limits: expected at least one, got none: such a policy would pass everything")
    return Policy(
        name=_field(data, "name", str),
        version=_field(data, "version", str),
        title=_field(data, "title", str),
        auto_release=_field(data, "auto_release", bool),
        four_eyes=_field(data, "four_eyes", bool),
        minimum_holdout=_field(data, "minimum_holdout", int),
        limits=tuple(_limit(entry) for entry in limits),
    )


def _limit(data: object) -> Limit:
    if not isinstance(data, dict):
        raise PolicyError(f"limits: expected JSON objects, got {type(data).__name__}")
    patterns = _field(data, "findings", list)
    if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
        raise PolicyError("findings: expected a list of patterns as text")
    limit = Limit(
        gate=_field(data, "gate", str),
        title=_field(data, "title", str),
        findings=tuple(patterns),
        pass_below=float(_field(data, "pass_below", float)),
        block_above=float(_field(data, "block_above", float)),
        required=_field(data, "required", bool),
    )
    if not limit.pass_below <= limit.block_above:
        raise PolicyError(f"gate {limit.gate}: expected pass_below <= block_above")
    return limit


def _field(data: Mapping[str, object], name: str, kind: type[T]) -> T:
    value = data.get(name)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise PolicyError(f"{name}: expected {kind.__name__}, got {type(value).__name__}")
    return value


def decide(result: AuditResult, policy: Policy) -> Decision:
    """The verdict of `policy` on `result`, with a reason for each rule that spoke.

    The first of these that holds decides, and the reasons of all that hold are given:

    1. VOID, if train and holdout differ (drift): then no comparison of the two proves anything, a leak included.
    2. BLOCK, if a lower bound is above its limit after Holm's correction. A proven leak is never hidden by an attack
       that crashed or by a small holdout: a small holdout makes leaks harder to prove, not easier.
    3. VOID, if an attack crashed, if the drift check gave no figure, or if no attack was run for a limit.
    4. INSUFFICIENT, if train or holdout has fewer records than the policy asks for (or than the drift check does);
       one record counts for each person, where persons are named.
    5. REVIEW, if an upper bound is above its limit, if nothing that was measured for a limit would have stopped the
       leak planted for it, or if nothing was measured for a limit that is required.
    6. PASS.
    """
    drift, breaks = _drift(result), _breaks(result, policy)
    proven = _proven(result, policy)
    blocks = [blocked(finding, limit.title, limit.block_above) for finding, limit in proven]
    small = _small(result, policy)
    doubts = _doubts(result, policy, {finding.key for finding, _ in proven})
    ranked = (
        (Verdict.VOID, drift),
        (Verdict.BLOCK, blocks),
        (Verdict.VOID, breaks),
        (Verdict.INSUFFICIENT, small),
        (Verdict.REVIEW, doubts),
    )
    verdict = next((verdict for verdict, reasons in ranked if reasons), Verdict.PASS)
    reasons = [reason for _, some in ranked for reason in some]
    if verdict is Verdict.PASS:
        reasons = [nothing_exceeded(result.battery_version, result.sizes), *_left_out(result, policy)]
    return Decision(verdict=verdict, policy=policy.name, policy_version=policy.version, reasons=tuple(reasons))


def _drift(result: AuditResult) -> list[str]:
    return [drifted(f) for f in result.findings if f.attack == "drift" and f.details.get("lower_99", 0.0) > 0.5]


def _breaks(result: AuditResult, policy: Policy) -> list[str]:
    reasons = [crashed(f) for f in result.findings if f.status is FindingStatus.FAILED]
    if not any(_tells_drift(f) or _too_small_for_drift(f) for f in result.findings):
        reasons.append(drift_unknown(""))
    reasons.extend(not_run(limit.title) for limit in policy.limits if not any(map(limit.covers, result.findings)))
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
        for finding in _measured(result, limit)
        if finding.value is not None and finding.lower is not None
    ]
    p_values = [upper_tail_p(f.value or 0.0, f.lower or 0.0, limit.block_above) for f, limit in judged]
    return [pair for pair, rejected in zip(judged, holm(p_values, level=LEVEL), strict=True) if rejected]


def _measured(result: AuditResult, limit: Limit) -> list[Finding]:
    return [f for f in result.findings if limit.covers(f) and f.status is FindingStatus.MEASURED]


def _small(result: AuditResult, policy: Policy) -> list[str]:
    reasons = [
        too_few_records(side, result.sizes.get(side, 0), policy.minimum_holdout)
        for side in ("train", "holdout")
        if result.sizes.get(side, 0) < policy.minimum_holdout
    ]
    if not any(map(_tells_drift, result.findings)):
        reasons.extend(drift_unknown(f.note) for f in result.findings if _too_small_for_drift(f))
    return reasons


def _doubts(result: AuditResult, policy: Policy, proven: set[str]) -> list[str]:
    reasons: list[str] = []
    for limit in policy.limits:
        measured = _measured(result, limit)
        over = [f for f in measured if f.key not in proven and (f.upper is None or not f.upper <= limit.pass_below)]
        reasons.extend(beyond_limit(f, limit.title, limit.pass_below) for f in over)
        if (limit.required or measured) and not any(_sees(result, limit, f) for f in measured):
            reasons.append(missing_sentence(limit.title, [f for f in result.findings if limit.covers(f)]))
    return reasons


def _sees(result: AuditResult, limit: Limit, finding: Finding) -> bool:
    """Whether the limit would have stopped the leak that was planted for this statistic on this very table.

    To catch a plant, which is to rise above the baseline, is not enough: where even the plant would have passed, its
    upper bound within the limit, the figure says nothing by passing.
    """
    plant = own_plant(finding.key)
    return finding.key not in result.blind and any(
        trial.key == finding.key and trial.plant is plant and trial.upper > limit.pass_below
        for trial in result.calibration
    )


def _left_out(result: AuditResult, policy: Policy) -> list[str]:
    """What a PASS does not rest on: blind statistics, and gates that had nothing to measure."""
    reasons = [
        blind_sentence(f) for limit in policy.limits for f in _measured(result, limit) if not _sees(result, limit, f)
    ]
    reasons.extend(
        within_reach(limit.title) for limit in policy.limits if not limit.required and not _measured(result, limit)
    )
    return reasons
