"""What the page shows of a document: rows in order, labels, charts. Everything here follows from the document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report import charts
from app.report.answers import GLOSSARY
from app.report.asked_view import AskedRow, asked_rows
from app.report.audit_model import CriterionPart
from app.report.between import RulesView, rules_view
from app.report.criteria import criteria_part
from app.report.fidelity_view import FidelityView, fidelity_view
from app.report.findings_view import Group, PlantRow, groups, plants, titles
from app.report.mix import METRICS, augmentation_said, mix_said
from app.report.model import Fact, Report, TrainingPart
from app.report.questions_view import Controls, QuestionRow, controls, rows, why_modes
from app.report.units import NOT_MEASURED, number, spoken
from privacy.wording import NO_PROMISE

MAX_STEPS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """Everything on the page that is not a plain field of the document."""

    statement: str
    reasons: list[str]
    modes: dict[str, str]
    """Why each way of releasing has its verdict."""
    questions: list[QuestionRow]
    controls: Controls
    rules: RulesView
    asked: list[AskedRow]
    mix: str
    """What a reader has to know of the mix; empty where there is none."""
    augmentation: str
    """What more of a class brings, in a sentence; empty where none was asked for."""
    metrics: Mapping[str, str]
    recipient: str
    """Who all criteria take for the recipient, in a sentence; empty where they differ."""
    criteria: list[CriterionPart]
    sizes: list[Fact]
    contents: list[tuple[str, str]]
    glossary: Sequence[tuple[str, str]]
    groups: list[Group]
    plants: list[PlantRow]
    fidelity: FidelityView
    training: Markup | None
    training_facts: list[Fact]
    training_names: list[str]
    training_rows: list[list[str]]
    run_facts: list[Fact]
    options: list[Fact]


def view_of(report: Report) -> View:
    """The page's content. Draws all charts."""
    said = next((reason for reason in report.verdict.reasons if NO_PROMISE in reason), report.verdict.statement)
    names = titles(report.findings)
    training = report.training
    criteria = report.criteria or criteria_part(report.findings, report.verdict)
    curves = [curve.name for curve in (*training.losses, *training.metrics)]
    return View(
        statement=said,
        reasons=list(dict.fromkeys(spoken(reason, names) for reason in report.verdict.reasons if reason != said)),
        modes=why_modes(report.verdict, report.findings),
        questions=rows(report.questions, report.findings, report.verdict),
        controls=controls(report.findings),
        rules=rules_view(report),
        asked=asked_rows(report.asked),
        mix=mix_said(report),
        augmentation="" if report.augmentation is None else augmentation_said(report.augmentation),
        metrics=METRICS,
        recipient=_recipient(criteria),
        criteria=criteria,
        sizes=report.protocol.sizes,
        contents=_contents(report),
        glossary=GLOSSARY,
        groups=groups(report.findings),
        plants=plants(report.findings),
        fidelity=fidelity_view(report),
        training=charts.training(training, "training") if curves else None,
        training_facts=_training_facts(report),
        training_names=curves,
        training_rows=_training_rows(training),
        run_facts=_run_facts(report),
        options=[Fact(name=name.replace("_", " "), value=_option(v)) for name, v in report.protocol.options.items()],
    )


def _recipient(criteria: Sequence[CriterionPart]) -> str:
    """The first sentence of what each criterion assumes, where it is the same for all."""
    first = {f"{head}." for head, dot, _ in (each.perspective.partition(". ") for each in criteria) if dot}
    return first.pop() if len(first) == 1 else ""


def _contents(report: Report) -> list[tuple[str, str]]:
    """The parts of the page that are there, by their ids."""
    found = [("questions", "The questions"), ("reasons", "What the policy says")]
    if report.mix:
        found.insert(0, ("mix", "The mix that was asked for"))
    if report.run.reading:
        found.append(("reading", "How the table was read"))
    if report.rules:
        found.append(("rules", "Rules between columns"))
    return [
        *found,
        ("findings", "All findings and planted leaks"),
        ("not-covered", "What was not covered"),
        ("criteria", "What regulators ask"),
        *([("asked", "Your questions")] if report.asked else []),
        *([("augmentation", "What more of a class brings")] if report.augmentation else []),
        ("fidelity", "Where it is farthest from the real table"),
        ("scores", "Scores, and models that learn from it"),
        ("detection", "Telling the tables apart"),
        ("marginals", "Column by column"),
        ("missing", "Cells missing together"),
        ("trends", "Pairs of columns"),
        *([("people", "People and their records")] if report.fidelity.histories else []),
        ("subgroups", "Groups of people"),
        ("training", "How the generator was trained"),
        ("protocol", "Protocol and hashes"),
        ("glossary", "Ten words"),
    ]


def _training_facts(report: Report) -> list[Fact]:
    part = report.training
    gone = NOT_MEASURED if report.audience == "internal" else part.device  # says that it is left out
    seconds = gone if part.seconds is None else f"{number(part.seconds)} s"
    following = []
    if part.following_seconds is not None:
        share = f"{number(part.following_seconds)} s"
        following = [Fact(name="of it, on how records of a person follow one another", value=share)]
    return [
        Fact(name="generator steps", value=number(part.steps)),
        Fact(name="time", value=seconds),
        *following,
        Fact(name="device", value=part.device),
        Fact(name="records learnt", value=number(part.records)),
        Fact(name="parameters", value=number(part.parameters)),
        Fact(name="stopped because", value=part.stopped_because),
        Fact(name="protection of rare values", value=part.protection),
    ]


def _training_rows(part: TrainingPart) -> list[list[str]]:
    curves = [dict(zip(curve.steps, curve.values, strict=True)) for curve in (*part.losses, *part.metrics)]
    steps = sorted({step for curve in curves for step in curve})
    every = -(-len(steps) // MAX_STEPS) or 1
    return [[f"{step:,}", *(number(curve.get(step)) for curve in curves)] for step in steps[::every]]


def _run_facts(report: Report) -> list[Fact]:
    run = report.run
    facts = {"dataset": run.dataset_name, "dataset id": run.dataset_id, "job": run.job_id, "sent": run.created_at}
    if run.model_id is not None:
        facts["model"] = run.model_id
    return [Fact(name=name, value=value) for name, value in facts.items()]


def _option(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_option(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_option(each) for each in value) or "none"
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
