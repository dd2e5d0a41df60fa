"""The page of an audit that was run without a service: verdict, findings, tables. Nothing to load, no script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.report import units
from app.report.answers import GLOSSARY
from app.report.asked_model import AskedPart
from app.report.asked_view import AskedRow, asked_rows
from app.report.attacks import coverage_part, findings_part, notes_part
from app.report.audit_model import FindingPart, QuestionPart
from app.report.document import not_covered, verdict_part
from app.report.findings_view import Group, PlantRow, groups, plants, titles
from app.report.model import Fact, VerdictPart
from app.report.page import environment
from app.report.questions import questions_part
from app.report.questions_view import Controls, QuestionRow, controls, rows, why_modes
from app.report.reading import listed, mapped, text
from app.report.units import spoken
from privacy.record import read_audit

Json = Mapping[str, Any]
CONTENTS = (
    ("questions", "The questions"),
    ("reasons", "What the policy says"),
    ("findings", "All findings and planted leaks"),
    ("not-covered", "What was not covered"),
    ("protocol", "Protocol and hashes"),
    ("glossary", "Ten words"),
)
HEADING = "Privacy audit of a synthetic table"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditPage:
    """What the page says."""

    verdict: VerdictPart
    questions: list[QuestionPart]
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
    plants: list[PlantRow]
    statement: str
    reasons: list[str]
    modes: dict[str, str]
    questions: list[QuestionRow]
    controls: Controls
    asked: list[AskedRow]
    sizes: list[Fact]
    contents: Sequence[tuple[str, str]]
    glossary: Sequence[tuple[str, str]]


def render_audit(document: Json) -> str:
    """The page of a document of the format `lookalike.audit/1`. Raises AuditInputError where its audit is none."""
    result, decision = read_audit(document["audit"]), mapped(document["decision"])
    findings, coverage = findings_part(result, decision), coverage_part(result)
    report = AuditPage(
        verdict=verdict_part(decision, holdout=result.sizes.get("holdout")),
        questions=questions_part(findings, decision, coverage),
        findings=findings,
        audit_notes=notes_part(result, decision),
        coverage=coverage,
        not_covered=not_covered({finding.attack for finding in findings if finding.status == "measured"}),
        notes=[str(note) for note in listed(document.get("notes"))],
        inputs=[mapped(each) for each in listed(document.get("inputs"))],
        facts=list(_facts(document)),
        columns=[
            Fact(name=text(c.get("name")), value=f"{text(c.get('kind'))}, {text(c.get('role', 'feature'))}")
            for c in map(mapped, listed(document.get("schema")))
        ],
    )
    names, asked = titles(findings), listed(document.get("asked"))
    view = AuditView(
        groups=groups(findings),
        plants=plants(findings),
        statement=report.verdict.statement,
        reasons=[spoken(reason, names) for reason in report.verdict.reasons],
        modes=why_modes(report.verdict, findings),
        questions=rows(report.questions, findings, report.verdict),
        controls=controls(findings),
        asked=asked_rows([AskedPart.model_validate(each) for each in asked]),
        sizes=[Fact(name=name, value=f"{size:,}") for name, size in result.sizes.items()],
        contents=[*CONTENTS[:4], *([("asked", "Your questions")] if asked else []), *CONTENTS[4:]],
        glossary=GLOSSARY,
    )
    template = environment().get_template("audit.html")
    return template.render(report=report, view=view, words=units, heading=HEADING)


def _facts(document: Json) -> Iterator[Fact]:
    yield Fact(name="seed", value=text(document.get("seed")))
    for name, value in mapped(document.get("versions")).items():
        yield Fact(name=name, value=text(value))
