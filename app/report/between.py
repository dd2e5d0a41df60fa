"""Rules between columns: what the assessment measured, and how the page shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.report.model import Report, RulePart
from app.report.reading import finite, listed, mapped

Json = Mapping[str, Any]
ORIGINS = {
    "declared": "declared by you",
    "found": "found in the real table",
    "proposed": "holds in the real table, but is not kept by construction",
    "often": "often so in the real table, and to be as often so in the synthetic one",
    "expected": "expected by the names of the columns, but the real table does not keep it",
}
NOT_KNOWN = "not known"


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleRow:
    """One rule in words."""

    rule: str
    origin: str
    kept: str
    real: str
    synthetic: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RulesView:
    """All rules, and a sentence on them."""

    sentence: str
    rows: list[RuleRow]


def rules_part(fidelity: Json) -> list[RulePart]:
    """The rules; none where the assessment is older than they are."""
    return [_part(mapped(each)) for each in listed(fidelity.get("rules"))]


def _part(rule: Json) -> RulePart:
    return RulePart(
        rule=str(rule.get("rule")),
        origin=str(rule.get("origin")),
        built_in=rule.get("built_in") is True,
        real=finite(rule.get("real")),
        synthetic=finite(rule.get("synthetic")),
        unknown=finite(rule.get("unknown")),
        why=str(rule.get("why") or ""),
    )


def rules_view(report: Report) -> RulesView:
    """The rules, those that are kept first, and of them the worst kept."""
    shareable = report.audience == "shareable"
    ordered = sorted(report.rules, key=lambda one: (not one.built_in, 1.0 if one.synthetic is None else one.synthetic))
    return RulesView(sentence=sentence_on(report.rules), rows=[_row(each, at_least=shareable) for each in ordered])


def sentence_on(rules: list[RulePart]) -> str:
    """What there is to know first."""
    kept = [each for each in rules if each.built_in]
    broken = [each for each in kept if each.synthetic is not None and each.synthetic < 1]
    expected = sum(each.origin == "expected" for each in rules)
    parts = [f"{_counted(len(kept), 'rule is', 'rules are')} kept by construction"]
    if broken:
        parts.append(f"{len(broken)} of them not by every synthetic record")
    if expected:
        parts.append(f"{expected} that the columns' names lead to expect do not hold in the real table itself")
    return "; ".join(parts) + "."


def _row(rule: RulePart, *, at_least: bool) -> RuleRow:
    real = percent(rule.real)
    return RuleRow(
        rule=rule.rule,
        origin=ORIGINS[rule.origin],
        kept="yes" if rule.built_in else "no",
        real=f"at least {real}" if at_least and rule.real is not None else real,
        synthetic=percent(rule.synthetic),
        why=rule.why,
    )


def percent(share: float | None) -> str:
    """In per cent, rounded down: all is only said of all."""
    if share is None:
        return NOT_KNOWN
    shown = f"{math.floor(share * 1000 + 1e-9) / 10:.1f}".removesuffix(".0")
    return f"{shown} %"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
