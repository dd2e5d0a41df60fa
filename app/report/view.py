"""What the page shows of a document: rows in order, labels, charts. Everything here follows from the document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report import charts
from app.report.answers import GLOSSARY
from app.report.criteria import criteria_part
from app.report.findings_view import Group, Plants, groups, plants, titles
from app.report.model import CriterionPart, Fact, Marginal, Report, TrainingPart, Trends
from app.report.questions_view import Controls, QuestionRow, controls, rows, why_modes
from app.report.units import NOT_MEASURED, number, spoken
from privacy.wording import NO_PROMISE

MAX_MARGINALS = 30
MAX_TRENDS = 30
MAX_PAIRS = 435
MAX_STEPS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class MarginalView:
    """One column's chart with its table."""

    marginal: Marginal
    line: str
    chart: Markup
    rows: list[tuple[str, float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """The columns of a wide table that a group of charts does not show."""

    said: str
    names: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Map:
    """One heat map."""

    title: str
    chart: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """Everything on the page that is not a plain field of the document."""

    statement: str
    reasons: list[str]
    modes: dict[str, str]
    """Why each way of releasing has its verdict."""
    questions: list[QuestionRow]
    controls: Controls
    criteria: list[CriterionPart]
    sizes: list[Fact]
    contents: list[tuple[str, str]]
    glossary: Sequence[tuple[str, str]]
    groups: list[Group]
    plants: Plants
    marginals: list[MarginalView]
    left_out: LeftOut
    maps: list[Map]
    trends_left_out: LeftOut
    pairs: list[tuple[str, str, str, str, str]]
    pairs_note: str
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
    fidelity, training = report.fidelity, report.training
    shown, hidden = _most_different(fidelity.marginals)
    matrices, cut = (None, []) if fidelity.trends is None else _smaller(fidelity.trends)
    pairs = [] if matrices is None else _pairs(matrices)
    curves = [curve.name for curve in (*training.losses, *training.metrics)]
    return View(
        statement=said,
        reasons=[spoken(reason, names) for reason in report.verdict.reasons if reason != said],
        modes=why_modes(report.verdict, report.findings),
        questions=rows(report.questions, report.findings, report.verdict),
        controls=controls(report.findings),
        criteria=report.criteria or criteria_part(report.findings, report.verdict),
        sizes=report.protocol.sizes,
        contents=_contents(report),
        glossary=GLOSSARY,
        groups=groups(report.findings),
        plants=plants(report.findings),
        marginals=[_marginal(each, f"marginal-{i}") for i, each in enumerate(shown)],
        left_out=_left_out("charts", hidden, "The columns shown are those that differ most."),
        maps=[] if matrices is None else _maps(matrices),
        trends_left_out=_left_out("heat maps", cut, "The columns shown are those whose pair trends differ most."),
        pairs=pairs[:MAX_PAIRS],
        pairs_note="" if len(pairs) <= MAX_PAIRS else f"The {MAX_PAIRS} largest differences of {len(pairs)} pairs.",
        training=charts.training(training, "training") if curves else None,
        training_facts=_training_facts(training),
        training_names=curves,
        training_rows=_training_rows(training),
        run_facts=_run_facts(report),
        options=[Fact(name=name.replace("_", " "), value=_option(v)) for name, v in report.protocol.options.items()],
    )


def _contents(report: Report) -> list[tuple[str, str]]:
    """The parts of the page that are there, by their ids."""
    found = [("questions", "The questions"), ("reasons", "What the policy says")]
    if report.run.reading:
        found.append(("reading", "How the table was read"))
    return [
        *found,
        ("findings", "All findings and planted leaks"),
        ("not-covered", "What was not covered"),
        ("criteria", "What regulators ask"),
        ("fidelity", "How far it looks like the real table"),
        ("marginals", "Column by column"),
        ("trends", "Pairs of columns"),
        ("training", "How the generator was trained"),
        ("protocol", "Protocol and hashes"),
        ("glossary", "Ten words"),
    ]


def _most_different(columns: Sequence[Marginal]) -> tuple[list[Marginal], list[str]]:
    """At most 30 columns in the table's order, those with the largest difference; and the names of the others."""
    gaps = [charts.gap(column) for column in columns]
    kept = set(sorted(range(len(columns)), key=lambda i: -gaps[i])[:MAX_MARGINALS])
    shown = [column for i, column in enumerate(columns) if i in kept]
    return shown, [column.column for i, column in enumerate(columns) if i not in kept]


def _smaller(matrices: Trends) -> tuple[Trends, list[str]]:
    """The same for at most 30 columns, those with the largest mean difference; and the names of the others."""
    gaps = [sum(abs(gap or 0.0) for gap in row) for row in charts.difference(matrices)]
    kept = sorted(sorted(range(len(gaps)), key=lambda i: -gaps[i])[:MAX_TRENDS])
    cut = Trends(
        columns=[matrices.columns[i] for i in kept],
        left_out=matrices.left_out,
        measure=matrices.measure,
        real=[[matrices.real[i][j] for j in kept] for i in kept],
        synthetic=[[matrices.synthetic[i][j] for j in kept] for i in kept],
    )
    return cut, [name for i, name in enumerate(matrices.columns) if i not in set(kept)]


def _marginal(column: Marginal, salt: str) -> MarginalView:
    score = f"score {number(column.score.value)}, floor {number(column.floor.value)}"
    rest = [(each.label, each.real, each.synthetic) for each in column.rest]
    return MarginalView(
        marginal=column,
        line=f"{column.kind}, {score}",
        chart=charts.marginal(column, salt),
        rows=[*zip(column.labels, column.real, column.synthetic, strict=True), *rest],
    )


def _left_out(what: str, names: Sequence[str], reason: str) -> LeftOut:
    return LeftOut(said=f"{len(names)} columns are not in these {what}. {reason}" if names else "", names=list(names))


def _maps(matrices: Trends) -> list[Map]:
    shown = (("real", matrices.real), ("synthetic", matrices.synthetic), ("difference", charts.difference(matrices)))
    titles = {"real": "Real", "synthetic": "Synthetic", "difference": "Difference (synthetic minus real)"}
    return [
        Map(title=titles[what], chart=charts.trends(matrix, matrices.columns, what=what, salt=f"trends-{what}"))
        for what, matrix in shown
    ]


def _pairs(matrices: Trends) -> list[tuple[str, str, str, str, str]]:
    """Each pair once, the largest difference first; pairs that were not measured last."""
    gaps = charts.difference(matrices)
    places = [(i, j) for i in range(len(gaps)) for j in range(i)]
    places.sort(key=lambda at: -abs(gaps[at[0]][at[1]] or 0.0) if gaps[at[0]][at[1]] is not None else 1.0)
    return [
        (
            matrices.columns[j],
            matrices.columns[i],
            number(matrices.real[i][j]),
            number(matrices.synthetic[i][j]),
            number(gaps[i][j]),
        )
        for i, j in places
    ]


def _training_facts(part: TrainingPart) -> list[Fact]:
    seconds = NOT_MEASURED if part.seconds is None else f"{number(part.seconds)} s"
    return [
        Fact(name="generator steps", value=number(part.steps)),
        Fact(name="time", value=seconds),
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
