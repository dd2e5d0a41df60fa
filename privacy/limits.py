"""Policies, which are data: what each gate allows, and what a PASS entitles to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import TypeVar

from privacy.errors import PolicyError
from privacy.finding import Finding, FindingStatus

T = TypeVar("T")


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
    may_be_left_out: bool = False
    """Whether an audit may go without this attack (shadow models take hours without an accelerator). Then a required
    limit is left to a person. For every pattern of any other limit an attack must have been run, or the audit is void.
    """
    may_lack_power: bool = False
    """Whether a PASS may do without this limit where the table has too few people for any of its statistics to decide
    (see `privacy.budget`). Else such a table is INSUFFICIENT."""
    may_block: bool = True
    """Whether a leak proven here BLOCKs. Else it is left to a person, and makes no other leak harder to prove."""

    def covers(self, finding: Finding) -> bool:
        """Whether this limit judges the finding."""
        return finding.gating and any(fnmatchcase(finding.key, pattern) for pattern in self.findings)

    def measured(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings with a figure that this limit judges."""
        return [f for f in findings if self.covers(f) and f.status is FindingStatus.MEASURED]

    def unmet(self, findings: Sequence[Finding]) -> bool:
        """Whether some pattern has no finding at all, not even one that says why nothing was measured."""
        keys = [finding.key for finding in findings if finding.gating]
        return any(not any(fnmatchcase(key, pattern) for key in keys) for pattern in self.findings)


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

    def requires(self, finding: Finding) -> bool:
        """Whether nothing passes this policy without the finding."""
        return any(limit.required and limit.covers(finding) for limit in self.limits)

    def judged(self, findings: Sequence[Finding]) -> list[tuple[Finding, Limit]]:
        """Each finding with a figure, beside each limit that judges it."""
        return [(finding, limit) for limit in self.limits for finding in limit.measured(findings)]

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
                    "may_be_left_out": limit.may_be_left_out,
                    "may_lack_power": limit.may_lack_power,
                    "may_block": limit.may_block,
                }
                for limit in self.limits
            ],
        }


def policies() -> tuple[str, ...]:
    """The names of the policies that are shipped, sorted."""
    found = (files("privacy") / "policies").iterdir()
    return tuple(sorted(entry.name.removesuffix(".json") for entry in found if entry.name.endswith(".json")))


def load_policy(name: str) -> Policy:
    """The shipped policy of this name, with the limits of `limits.json`.

    A value that differs between policies is an object there, with a key for each policy. Raises PolicyError if there
    is no such policy or it is not well formed.
    """
    if name not in policies():
        raise PolicyError(f"expected one of the policies {', '.join(policies())}, got another name")
    here = files("privacy")
    head = json.loads((here / "policies" / f"{name}.json").read_text(encoding="utf-8"))
    limits = json.loads((here / "limits.json").read_text(encoding="utf-8"))
    return _policy(head | {"limits": [{key: _of(name, value) for key, value in each.items()} for each in limits]})


def _of(policy: str, value: object) -> object:
    """The value for this policy."""
    return value.get(policy) if isinstance(value, dict) else value


def read_policy(text: str) -> Policy:
    """The policy in a JSON text. Raises PolicyError naming the field that is missing or wrong."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise PolicyError(f"expected a policy in JSON, got something else at line {error.lineno}") from None
    if not isinstance(data, dict):
        raise PolicyError(f"expected a policy as a JSON object, got {type(data).__name__}")
    return _policy(data)


def _policy(data: Mapping[str, object]) -> Policy:
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
        may_be_left_out="may_be_left_out" in data and _field(data, "may_be_left_out", bool),
        may_lack_power="may_lack_power" in data and _field(data, "may_lack_power", bool),
        may_block="may_block" not in data or _field(data, "may_block", bool),
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
