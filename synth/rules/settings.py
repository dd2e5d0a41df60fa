"""Which rules a table's records are to keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

from synth.rules.rule import AnyRule, Order


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleSettings:
    """The rules that a user declares, and what is done beyond."""

    declared: tuple[AnyRule, ...] = ()
    find: bool = True
    """Whether rules that the table proves are kept as well, see `synth.detect.rules`"""
    without: tuple[AnyRule, ...] = ()
    """Rules that are not kept though the table may prove them"""
    leave_out: bool = False
    """Whether records that break a declared rule are not learnt; they are learnt as if they kept it otherwise"""

    def switched_off(self, rule: AnyRule) -> bool:
        """Whether a rule that was found is not to be kept; whether the two of an order may be equal is one rule."""
        return _alike(rule) in map(_alike, self.without)


def _alike(rule: AnyRule) -> AnyRule:
    return replace(rule, strict=False) if isinstance(rule, Order) else rule
