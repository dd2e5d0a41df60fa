"""The fidelity of the synthetic table, each score beside the floor: what a real sample that was not learnt scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from app.report.base import Figure
from app.report.closeness import closeness_parts, column_gap, column_spikes, floor_auc, measure
from app.report.fidelity_model import FidelityPart, Marginal, Rest, Score, Trends, UtilityRow
from app.report.histories import histories_part
from app.report.reading import absent, figure, finite, listed, mapped
from app.report.units import number

Json = Mapping[str, Any]
DAY = 86_400
NO_FLOOR = "the holdout was not scored"
OF_PAIRS = ("trends", "trends_strong_pairs", "quality")
MODELS = {name: name.capitalize() for name in ("gradient boosting", "logistic regression", "ridge regression")}
METRICS = {"auc": "AUC", "macro_f1": "macro F1", "r2": "R²", "accuracy": "accuracy"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Named:
    """An sdmetrics score: where it stands in the assessment, and what it means."""

    key: str
    title: str
    explanation: str
    floor: str | None = None


_SCORES = (
    _Named(
        key="shapes",
        title="Column Shapes (SDMetrics)",
        explanation="How close the distribution of each column is, the mean over columns.",
        floor="shapes_floor",
    ),
    _Named(
        key="trends",
        title="Column Pair Trends over all pairs (SDMetrics)",
        explanation="How close the relation of each pair of columns is, the mean over pairs.",
        floor="trends_floor",
    ),
    _Named(
        key="trends_strong_pairs",
        title="Column Pair Trends, strong pairs (SDMetrics default)",
        explanation="The same over those pairs alone that are clearly related in the real table.",
    ),
    _Named(
        key="quality",
        title="Quality over all pairs (SDMetrics)",
        explanation="The mean of Column Shapes and Column Pair Trends over all pairs. By default SDMetrics takes "
        "strong pairs alone, so scores published elsewhere are not comparable.",
        floor="quality_floor",
    ),
    _Named(
        key="diagnostic",
        title="Diagnostic (SDMetrics)",
        explanation="Whether values are of the right kind and within the real range, over all records. "
        "Below 1 is a defect of the file.",
    ),
)


def fidelity_part(fidelity: Json, facts: Json) -> FidelityPart:
    """All of the assessment. `facts["schema"]` tells dates from numbers."""
    kinds = {str(c.get("name")): str(c.get("kind")) for c in map(mapped, listed(facts.get("schema")))}
    scores, pairs = mapped(fidelity.get("scores")), mapped(fidelity.get("pairs"))
    version = scores.get("sdmetrics_version")
    utility, note = _utility(mapped(fidelity.get("utility")))

    def name_edges(column: str, edges: Sequence[float]) -> list[str]:
        return _edge_labels(edges, is_date=kinds.get(column) == "datetime")

    return FidelityPart(
        scores=[*(_score(named, scores) for named in _SCORES), _detection(mapped(fidelity.get("detection")))],
        sdmetrics_version=None if version is None else str(version),
        utility=utility,
        utility_note=note,
        marginals=[
            _marginal(str(name), mapped(entry), scores, kinds).model_copy(
                update={
                    "gap": column_gap(fidelity, str(name)),
                    "spikes": column_spikes(fidelity, str(name), name_edges),
                }
            )
            for name, entry in mapped(fidelity.get("marginals")).items()
        ],
        trends=_trends(pairs),
        trends_reason="" if listed(pairs.get("columns")) else _reason(pairs),
        histories=histories_part(fidelity),
        **closeness_parts(fidelity, facts, name_edges),
    )


def _reason(part: Json) -> str:
    """Why a part of the assessment has no figures."""
    return str(part.get("not_applicable") or "this run has no such assessment").rstrip(".")


def _score(named: _Named, scores: Json) -> Score:
    missing = _reason(scores) if "not_applicable" in scores or not scores else "SDMetrics gave no score"
    return Score(
        key=named.key,
        title=named.title,
        explanation=f"{named.explanation}{_pairs_taken(named, scores)}",
        better="higher",
        synthetic=figure(scores.get(named.key), reason=missing),
        floor=absent(NO_FLOOR) if named.floor is None else figure(_floor(named.floor, scores), reason=NO_FLOOR),
    )


def _pairs_taken(named: _Named, scores: Json) -> str:
    """That the pairs of a wide table are those among some of its columns."""
    taken, columns = finite(scores.get("trend_columns")), finite(scores.get("columns"))
    if named.key not in OF_PAIRS or taken is None or columns is None or taken >= columns:
        return ""
    return f" Pairs are those among {int(taken)} of the {int(columns)} columns, drawn at random."


def _floor(name: str, scores: Json) -> float | None:
    """The floor of a score; that of Quality is by definition the mean of the other two."""
    if name != "quality_floor":
        return finite(scores.get(name))
    shapes, trends = finite(scores.get("shapes_floor")), finite(scores.get("trends_floor"))
    return None if shapes is None or trends is None else (shapes + trends) / 2


def _detection(detection: Json) -> Score:
    measured = floor_auc(detection)
    return Score(
        key="c2st_auc",
        title="Told apart by a classifier (C2ST AUC)",
        explanation="How well gradient boosting tells synthetic records from holdout records.",
        better="lower",
        synthetic=figure(
            detection.get("auc"), lower=detection.get("lower"), upper=detection.get("upper"), reason=_reason(detection)
        ),
        floor=Figure(value=0.5) if measured.value is None else measured,
        floor_note="by definition" if measured.value is None else "train against holdout",
    )


def _utility(utility: Json) -> tuple[list[UtilityRow], str]:
    if not mapped(utility.get("synthetic")):
        return [], f"TSTR and TRTR: not measured: {_reason(utility)}."
    rows = [_utility_row(mapped(row)) for row in listed(utility.get("models"))] or _rows_before(utility)
    task = {"classification": "Classification", "regression": "Regression"}.get(str(utility.get("task")), "Prediction")
    return rows, f"{task} of the column “{utility.get('target')}” from all other columns."


def _utility_row(row: Json) -> UtilityRow:
    metric = str(row.get("metric"))
    gone = "the score is not defined on these records"
    return UtilityRow(
        model=MODELS.get(str(row.get("model")), str(row.get("model"))),
        metric=METRICS.get(metric, metric.replace("_", " ")),
        tstr=measure(row, "tstr", reason=gone),
        trtr=measure(row, "trtr", reason=gone),
        trts=measure(row, "trts", reason=gone),
    )


def _rows_before(utility: Json) -> list[UtilityRow]:
    """The rows of an assessment of one model, without intervals."""
    real = mapped(utility.get("real"))
    return [
        UtilityRow(
            model=MODELS["gradient boosting"],
            metric=METRICS.get(metric, metric.replace("_", " ")),
            tstr=figure(value),
            trtr=figure(real.get(metric), reason="no model was trained on real records"),
        )
        for metric, value in mapped(utility.get("synthetic")).items()
    ]


def _marginal(name: str, entry: Json, scores: Json, kinds: Mapping[str, str]) -> Marginal:
    edges = [edge for edge in map(finite, listed(entry.get("edges"))) if edge is not None]
    is_ordered = entry.get("kind") == "histogram"
    kind = kinds.get(name, "numerical" if is_ordered else "categorical")
    bounds = _edge_labels(edges, is_date=kind == "datetime")
    labels = [f"{low} to {high}" for low, high in pairwise(bounds)]
    return Marginal(
        column=name,
        kind=kind,
        labels=labels if is_ordered else [str(label) for label in listed(entry.get("labels"))],
        real=_shares(entry.get("real")),
        synthetic=_shares(entry.get("synthetic")),
        edges=edges if is_ordered else None,
        edge_labels=bounds if is_ordered else None,
        rest=_rest(entry),
        score=figure(mapped(scores.get("column_shapes")).get(name), reason="SDMetrics gave no score"),
        floor=figure(mapped(scores.get("column_shapes_floor")).get(name), reason=NO_FLOOR),
    )


def _shares(values: object) -> list[float]:
    return [share for share in map(finite, listed(values)) if share is not None]


def _rest(entry: Json) -> list[Rest]:
    """Tails and missing values, as far as there are any."""
    real, synthetic = listed(entry.get("real_tails")), listed(entry.get("synthetic_tails"))
    pairs: list[tuple[str, object, object]] = []
    if len(real) == len(synthetic) == 2:
        pairs = [("(below)", real[0], synthetic[0]), ("(above)", real[1], synthetic[1])]
    pairs.append(("(missing)", entry.get("real_missing"), entry.get("synthetic_missing")))
    found = [(label, finite(ours), finite(theirs)) for label, ours, theirs in pairs]
    return [
        Rest(label=label, real=r, synthetic=s) for label, r, s in found if r is not None and s is not None and r + s > 0
    ]


def _edge_labels(edges: Sequence[float], *, is_date: bool) -> list[str]:
    if not is_date:
        return [number(edge) for edge in edges]
    start = datetime(1970, 1, 1, tzinfo=UTC)
    wide = len(edges) > 1 and edges[-1] - edges[0] >= 5 * DAY
    try:
        return [f"{start + timedelta(seconds=edge):{'%Y-%m-%d' if wide else '%Y-%m-%d %H:%M'}}" for edge in edges]
    except OverflowError:
        return [number(edge) for edge in edges]


def _trends(pairs: Json) -> Trends | None:
    columns = [str(column) for column in listed(pairs.get("columns"))]
    if not columns:
        return None
    return Trends(
        columns=columns,
        left_out=int(finite(pairs.get("left_out")) or 0),
        measure=f"{pairs.get('measure', 'Association of each pair of columns')}.",
        real=_matrix(pairs.get("real")),
        synthetic=_matrix(pairs.get("synthetic")),
        holdout=_matrix(pairs.get("holdout")) or None,
    )


def _matrix(rows: object) -> list[list[float | None]]:
    return [[finite(cell) for cell in listed(row)] for row in listed(rows)]
