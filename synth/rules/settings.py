"""Which rules a table's records are to keep."""

from __future__ import annotations

from dataclasses import dataclass

from synth.rules.rule import AnyRule


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleSettings:
    """The rules that a user declares, and what is done beyond."""

    declared: tuple[AnyRule, ...] = ()
    find: bool = True
    """Whether rules that the table proves are kept as well, see `synth.detect.rules`"""
    leave_out: bool = False
    """Whether records that break a declared rule are not learnt; they are learnt as if they kept it otherwise"""
