"""What one attack found, and what the gate makes of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

TOGETHER = "together."
"""Before the key of a finding on this table and the earlier ones about some of the same people."""
PLANTED_SHARE = "planted_share"
"""Among the details of a finding that brings its own plant: the share of train that it is; without it, all of train."""
MAXIMUM_OVER = "maximum_over"
"""The name in `Finding.details` of how many columns or groups a statistic is the worst of."""


class Verdict(StrEnum):
    """What a policy says of a synthetic table, from best to worst."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    REVIEW = "REVIEW"
    BLOCK = "BLOCK"
    INSUFFICIENT = "INSUFFICIENT"
    """The holdout is too small for the tests to see a leak that matters."""
    VOID = "VOID"
    """A test could not be trusted: an attack crashed, or train and holdout differ."""
    NOT_ASSESSED = "NOT_ASSESSED"
    """Nothing was measured that a verdict could rest on. Of a release mode only, never of the file."""


class ReleaseMode(StrEnum):
    """What a recipient is given."""

    FILE = "file"
    """The synthetic table under audit."""
    SAMPLING = "sampling"
    """As many synthetic records as they ask for."""
    MODEL = "model"
    """The trained model itself."""


class FindingStatus(StrEnum):
    """Whether an attack gave a result at all."""

    MEASURED = "measured"
    NOT_APPLICABLE = "not_applicable"
    """The table has nothing that this attack works on; `note` says why."""
    FAILED = "failed"
    """The attack crashed. Never a pass."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One statistic of one attack, with everything needed to judge it."""

    attack: str
    """The attack's name, e.g. `replay` or `membership`."""
    statistic: str
    """What was measured, e.g. `auc` or `excess_records`; a policy limits `attack.statistic`."""
    status: FindingStatus = FindingStatus.MEASURED
    value: float | None = None
    baseline: float | None = None
    """What the statistic is for a table that leaks nothing."""
    lower: float | None = None
    upper: float | None = None
    """The two-sided 95 % interval of `value`."""
    n: int = 0
    """How many records the statistic rests on."""
    threat: str = ""
    """What the attacker holds and wants, in a sentence."""
    minimum_detectable: float | None = None
    """The smallest value that this attack could have told from the baseline on this very table."""
    gating: bool = True
    """False where the statistic is shown but never decides (a sanity check)."""
    named: bool = False
    """True where whoever sent the job chose what is attacked, beside what the attack chooses by itself. Judged like any
    other, but that it sees its plant is no evidence that the attack's own choice does."""
    note: str = ""
    details: Mapping[str, float] = field(default_factory=dict)
    """Further figures, by name. Never a value of the data."""

    @property
    def key(self) -> str:
        """`attack.statistic`, the name by which a policy limits it."""
        return f"{self.attack}.{self.statistic}"

    def to_json(self) -> dict[str, object]:
        """The finding as JSON values."""
        return {
            "attack": self.attack,
            "statistic": self.statistic,
            "status": self.status.value,
            "value": self.value,
            "baseline": self.baseline,
            "lower": self.lower,
            "upper": self.upper,
            "n": self.n,
            "threat": self.threat,
            "minimum_detectable": self.minimum_detectable,
            "gating": self.gating,
            "named": self.named,
            "note": self.note,
            "details": dict(self.details),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """One rule of a policy that spoke: what it says of the table, why, and which findings it speaks about."""

    verdict: Verdict
    """The best verdict that the table can have while this rule speaks."""
    reason: str
    findings: tuple[str, ...] = ()
    """Keys of findings, or patterns of them where nothing was found: `drift.auc`, `attribute.*`, and with `together.`
    in front where all tables released from the data were attacked together. Empty where it is about no finding."""
    whole: bool = False
    """True where it is about the comparison of the tables itself, so that no finding can be relied on."""

    def to_json(self) -> dict[str, object]:
        """The ruling as JSON values."""
        return {
            "verdict": self.verdict.value,
            "reason": self.reason,
            "findings": list(self.findings),
            "whole": self.whole,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ModeVerdict:
    """The verdict on one way of releasing, and why."""

    mode: ReleaseMode
    verdict: Verdict
    reasons: tuple[str, ...]
    """Never empty."""

    def to_json(self) -> dict[str, object]:
        """The verdict as JSON values."""
        return {"mode": self.mode.value, "verdict": self.verdict.value, "reasons": list(self.reasons)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The verdict of one policy on one table, and why."""

    verdict: Verdict
    policy: str
    policy_version: str
    reasons: tuple[str, ...]
    """One sentence per finding or rule that decided; never empty."""
    modes: tuple[ModeVerdict, ...] = ()
    """One verdict for each way of releasing; that on the file is `verdict`. Decisions of older versions have none."""
    rulings: tuple[Ruling, ...] = ()
    """The rules behind `reasons`, one for each. Decisions of older versions have none."""
    relied_on: tuple[str, ...] = ()
    """Keys of the findings that decided and kept their limit, and would have exceeded it with the leak planted for
    them: what a PASS rests on. `together.` stands before those on all tables attacked together."""

    def to_json(self) -> dict[str, object]:
        """The decision as JSON values."""
        return {
            "verdict": self.verdict.value,
            "policy": self.policy,
            "policy_version": self.policy_version,
            "reasons": list(self.reasons),
            "modes": [mode.to_json() for mode in self.modes],
            "rulings": [ruling.to_json() for ruling in self.rulings],
            "relied_on": list(self.relied_on),
        }
