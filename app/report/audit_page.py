"""The page of an audit that was run without a service: verdict, findings, tables. Nothing to load, no script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.report import charts, wording
from app.report.attacks import coverage_part, findings_part, notes_part
from app.report.document import not_covered, verdict_part
from app.report.findings_view import Group, Plants, groups, plants
from app.report.model import Fact, FindingPart, VerdictPart
from app.report.page import environment
from app.report.reading import listed, mapped, text
from privacy.record import read_audit

Json = Mapping[str, Any]
HEADING = "Privacy audit of a synthetic table"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditPage:
    """What the page says."""

    verdict: VerdictPart
    findings: list[FindingPart]
    audit_notes: list[str]
    coverage: list[Fact]
    not_covered: list[str]
    notes: list[str]
    inputs: list[Json]
    facts: list[Fact]
    columns: list[Fact]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditView:
    """What the page draws."""

    groups: list[Group]
    plants: Plants
    forest: Markup | None
    forest_block: bool


def render_audit(document: Json) -> str:
    """The page of a document of the format `lookalike.audit/1`. Raises AuditInputError where its audit is none."""
    result, decision = read_audit(document["audit"]), mapped(document["decision"])
    findings = findings_part(result, decision)
    plotted = charts.forest_rows(findings)
    report = AuditPage(
        verdict=verdict_part(decision, holdout=result.sizes.get("holdout")),
        findings=findings,
        audit_notes=notes_part(result, decision),
        coverage=coverage_part(result),
        not_covered=not_covered({finding.attack for finding in findings if finding.status == "measured"}),
        notes=[str(note) for note in listed(document.get("notes"))],
        inputs=[mapped(each) for each in listed(document.get("inputs"))],
        facts=list(_facts(document)),
        columns=[
            Fact(name=text(c.get("name")), value=f"{text(c.get('kind'))}, {text(c.get('role', 'feature'))}")
            for c in map(mapped, listed(document.get("schema")))
        ],
    )
    view = AuditView(
        groups=groups(findings),
        plants=plants(findings),
        forest=charts.forest(plotted, "forest") if plotted else None,
        forest_block=any(charts.has_block_bar(finding) for finding in plotted),
    )
    template = environment().get_template("audit.html")
    return template.render(report=report, view=view, words=wording, heading=HEADING)


def _facts(document: Json) -> Iterator[Fact]:
    yield Fact(name="seed", value=text(document.get("seed")))
    for name, value in mapped(document.get("versions")).items():
        yield Fact(name=name, value=text(value))
