"""What the page shows of groups of people: is the table as close for each, and do attacks succeed as often?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.report import fidelity_charts as drawn
from app.report.audit_model import FindingPart
from app.report.base import Figure
from app.report.closeness_model import GroupPart, SubgroupsPart
from app.report.drawing import Drawing, figure_text
from app.report.fidelity_charts import Bar
from app.report.model import Report
from app.report.units import number

PARITY = "subgroups"
"""The attack that looks at groups of people."""
DRAWN = 40
"""Groups in a chart of attack success; the table below it has all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupsView:
    """Both questions, each with its chart."""

    line: str
    closeness: Drawing | None
    groups: Sequence[GroupPart]
    parity: Drawing | None
    parity_gone: str
    """Why there is no chart of attack success."""


def groups_view(report: Report) -> GroupsView:
    """The groups of the report."""
    part = report.fidelity.subgroups
    return GroupsView(
        line="" if part is None else _groups_line(part),
        closeness=None if part is None else _groups(part),
        groups=[] if part is None else part.groups,
        parity=_parity(report.findings),
        parity_gone=_parity_gone(report.findings),
    )


def _groups(part: SubgroupsPart) -> Drawing:
    return Drawing(
        line="Told apart by the detection test within each group (AUC, 95 % interval). The line is one half.",
        chart=drawn.intervals(
            [Bar(name=group.label, figure=group.auc, floor=group.auc_floor) for group in part.groups],
            title="Detection test by group",
            description=f"{len(part.groups)} groups; all figures are in the table below.",
            middle=0.5,
            salt="groups",
        ),
        head=("Group", "C2ST AUC", "Real sample"),
        rows=[[group.label, figure_text(group.auc), figure_text(group.auc_floor)] for group in part.groups],
    )


def _groups_line(part: SubgroupsPart) -> str:
    left_out = f" {part.left_out} categories have too few records to be shown." if part.left_out else ""
    return f"By category of “{part.column}”, {part.why}.{left_out}"


def _parity(findings: Sequence[FindingPart]) -> Drawing | None:
    """How well membership can be told in each group of people, the most exposed first."""
    found = next((each for each in findings if each.attack == PARITY), None)
    details = {} if found is None else found.details
    names = [name[len("auc[") : -1] for name in details if name.startswith("auc[")]
    bars = [
        Bar(
            name=name,
            figure=Figure(
                value=details[f"auc[{name}]"],
                lower=details.get(f"lower[{name}]"),
                upper=details.get(f"upper[{name}]"),
            ),
        )
        for name in names
    ]
    if not bars:
        return None
    bars.sort(key=lambda bar: -(bar.figure.value or 0.0))
    above = sum(bar.figure.lower is not None and bar.figure.lower > 0.5 for bar in bars)
    return Drawing(
        line=f"{len(bars)} groups. The AUC of the most exposed is {number(bars[0].figure.value)}, of the least exposed "
        f"{number(bars[-1].figure.value)}; of {above} the 95 % interval lies above one half. Without any leak "
        f"one group in forty is expected to.{f' The {DRAWN} most exposed are drawn.' if len(bars) > DRAWN else ''}",
        chart=drawn.intervals(
            bars[:DRAWN],
            title="Membership inference by group of people",
            description=f"{len(bars)} groups; all figures are in the table below.",
            middle=0.5,
            salt="parity",
        ),
        head=("Group", "AUC", "Lower", "Upper"),
        rows=[[bar.name, *(number(v) for v in (bar.figure.value, bar.figure.lower, bar.figure.upper))] for bar in bars],
    )


def _parity_gone(findings: Sequence[FindingPart]) -> str:
    found = next((each for each in findings if each.attack == PARITY), None)
    if found is None:
        return "the audit did not look at groups"
    return (found.figure.reason or "the audit kept no figure of single groups").rstrip(".")
