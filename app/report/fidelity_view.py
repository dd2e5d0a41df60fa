"""What the page shows of the fidelity: worst first, each figure beside what a real sample of the same size reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report import charts
from app.report import fidelity_charts as drawn
from app.report.closeness_model import PairPart, ProjectionPart, RocPart
from app.report.drawing import Drawing, beside, figure_text, share
from app.report.fidelity_model import FidelityPart, Marginal, Trends
from app.report.groups_view import GroupsView, groups_view
from app.report.model import Report
from app.report.units import NOT_MEASURED, number

WORST = 10
OPEN = 30
"""Columns whose charts are shown; those of the others are folded."""
MAX_TRENDS = 30
MAX_PAIRS = 435
COLUMNS_OF_ROC = 5
"""Every so many points of a curve stand in its table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnView:
    """One column's chart with its table, and its line among all columns."""

    column: Marginal
    line: str
    chart: Markup
    rows: list[tuple[str, float, float]]
    cells: list[str]
    spikes: list[str]
    anchor: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PairView:
    """One pair's chart with its table."""

    pair: PairPart
    line: str
    chart: Markup
    rows: list[tuple[str, str, str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Map:
    """One heat map."""

    title: str
    chart: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class Maps:
    """The heat maps, and the pairs behind them."""

    maps: list[Map]
    said: str
    names: list[str]
    """Columns of a wide table that the maps do not show."""
    rows: list[list[str]]
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FidelityView:
    """Everything of the fidelity that is not a plain field of the document."""

    worst: list[ColumnView]
    others: list[ColumnView]
    folded: list[ColumnView]
    pairs: list[PairView]
    pairs_line: str
    maps: Maps
    roc: Drawing | None
    projection: Drawing | None
    missing: Drawing | None
    groups: GroupsView
    gone: dict[str, str]
    """For each part that is not there: why."""
    both_ways: bool
    """Whether models were tested on synthetic records as well."""

    @property
    def columns(self) -> list[ColumnView]:
        """All columns, worst first."""
        return [*self.worst, *self.others, *self.folded]


def fidelity_view(report: Report) -> FidelityView:
    """The fidelity's content. Draws all its charts."""
    part = report.fidelity
    columns = [_column(column, i) for i, column in enumerate(sorted(part.marginals, key=lambda each: -_excess(each)))]
    return FidelityView(
        worst=columns[:WORST],
        others=columns[WORST:OPEN],
        folded=columns[OPEN:],
        pairs=[] if part.pairs is None else [_pair(pair, i) for i, pair in enumerate(part.pairs.worst)],
        pairs_line=_pairs_line(part),
        maps=_maps(part.trends),
        roc=None if part.roc is None else _roc(part.roc),
        projection=None if part.projection is None else _projection(part.projection),
        missing=_missing(part),
        groups=groups_view(report),
        gone=part.not_measured or dict.fromkeys(("pairs", "missing", "projection", "roc", "subgroups"), OLDER),
        both_ways=any(row.trts is not None for row in part.utility),
    )


OLDER = "this document is from before it was measured"


def _excess(column: Marginal) -> float:
    """By how much the column is farther off than a real sample; in older documents, how far it is off."""
    return charts.gap(column) if column.gap is None else column.gap.synthetic - column.gap.floor


def _withheld(value: float | None) -> str:
    return "withheld" if value is None else share(value)


def _column(column: Marginal, place: int) -> ColumnView:
    rest = [(each.label, each.real, each.synthetic) for each in column.rest]
    missing = next((each for each in column.rest if each.label == "(missing)"), None)
    gap = column.gap
    spikes = [
        f"{each.label}: {share(each.real)} real, {share(each.synthetic)} synthetic, {share(each.floor)} real sample"
        for each in column.spikes
    ]
    return ColumnView(
        column=column,
        line=beside(gap, charts.gap(column)),
        chart=charts.marginal(column, f"marginal-{place}"),
        rows=[*zip(column.labels, column.real, column.synthetic, strict=True), *rest],
        cells=[
            column.kind,
            share(charts.gap(column) if gap is None else gap.synthetic),
            NOT_MEASURED if gap is None else share(gap.floor),
            number(column.score.value),
            number(column.floor.value),
            share(0.0 if missing is None else missing.real),
            share(0.0 if missing is None else missing.synthetic),
            "; ".join(spikes) or "none",
        ],
        spikes=spikes,
        anchor=f"column-{place}",
    )


def _pair(pair: PairPart, place: int) -> PairView:
    return PairView(
        pair=pair,
        line=beside(pair.gap),
        chart=drawn.pair(pair, f"pair-{place}"),
        rows=[
            (first, second, _withheld(pair.real[i][j]), _withheld(pair.synthetic[i][j]))
            for i, first in enumerate(pair.rows)
            for j, second in enumerate(pair.columns)
        ],
    )


def _pairs_line(part: FidelityPart) -> str:
    if part.pairs is None:
        return ""
    left_out = f" {part.pairs.left_out} columns of this wide table were not compared." if part.pairs.left_out else ""
    return (
        f"{part.pairs.compared:,} pairs were compared; their mean distance is {share(part.pairs.mean.synthetic)}, "
        f"that of a real sample {share(part.pairs.mean.floor)}.{left_out}"
    )


def _maps(trends: Trends | None) -> Maps:
    if trends is None:
        return Maps(maps=[], said="", names=[], rows=[], note="")
    shown, cut = _smaller(trends)
    rows = _map_rows(shown)
    found = [
        Map(title=title, chart=drawn.trends(grid, shown.columns, what=what, reach=reach, salt=f"trends-{i}"))
        for i, (title, what, grid, reach) in enumerate(drawn.maps(shown))
    ]
    said = f"{len(cut)} columns are not in these heat maps. The columns shown are those whose pair trends differ most."
    return Maps(
        maps=found,
        said=said if cut else "",
        names=cut,
        rows=rows[:MAX_PAIRS],
        note="" if len(rows) <= MAX_PAIRS else f"The {MAX_PAIRS} largest differences of {len(rows)} pairs.",
    )


def _smaller(trends: Trends) -> tuple[Trends, list[str]]:
    """The same for at most 30 columns, those with the largest mean difference; and the names of the others."""
    gaps = [sum(abs(gap or 0.0) for gap in row) for row in drawn.difference(trends.real, trends.synthetic)]
    kept = sorted(sorted(range(len(gaps)), key=lambda i: -gaps[i])[:MAX_TRENDS])
    real, synthetic, holdout = (
        None if grid is None else [[grid[i][j] for j in kept] for i in kept]
        for grid in (trends.real, trends.synthetic, trends.holdout)
    )
    columns = [trends.columns[i] for i in kept]
    cut = trends.model_copy(update={"columns": columns, "real": real, "synthetic": synthetic, "holdout": holdout})
    return cut, [name for i, name in enumerate(trends.columns) if i not in set(kept)]


def _map_rows(trends: Trends) -> list[list[str]]:
    """Each pair once, the largest difference first; pairs that were not measured last."""
    gaps = drawn.difference(trends.real, trends.synthetic)
    places = [(i, j) for i in range(len(gaps)) for j in range(i)]
    places.sort(key=lambda at: -abs(gaps[at[0]][at[1]] or 0.0) if gaps[at[0]][at[1]] is not None else 1.0)
    grids = (trends.real, trends.synthetic, gaps, trends.holdout)
    return [
        [
            trends.columns[j],
            trends.columns[i],
            *(NOT_MEASURED if grid is None else number(grid[i][j]) for grid in grids),
        ]
        for i, j in places
    ]


def _roc(part: RocPart) -> Drawing:
    floor: Sequence[float | None] = part.floor or [None] * len(part.false_positives)
    points = list(zip(part.false_positives, part.synthetic, floor, strict=True))
    return Drawing(
        line=f"{part.model.capitalize()} on {part.records:,} records a side. AUC of synthetic against holdout "
        f"{figure_text(part.auc)}, of train against holdout {figure_text(part.floor_auc)}.",
        chart=drawn.roc(part, "roc"),
        head=("Real taken for synthetic", "Synthetic found", "Real sample (train) found"),
        rows=[[share(x), share(y), share(z)] for x, y, z in points[::COLUMNS_OF_ROC]],
    )


def _projection(part: ProjectionPart) -> Drawing:
    first, second = (share(each) for each in part.explained)
    left_out = f" {part.left_out} columns of this wide table are not in it." if part.left_out else ""
    return Drawing(
        line=f"{part.records:,} records of each table. The two components explain {first} and {second} of the "
        f"variance. The tables are {beside(part.gap)}.{left_out}",
        chart=drawn.projection(part, "projection"),
        head=("Row from the top", "Column", "Real (train)", "Synthetic"),
        rows=[
            [str(i + 1), str(j + 1), _withheld(real), share(other)]
            for i, (row, others) in enumerate(zip(part.real, part.synthetic, strict=True))
            for j, (real, other) in enumerate(zip(row, others, strict=True))
            if real or other
        ],
    )


def _missing(part: FidelityPart) -> Drawing | None:
    if part.missing is None:
        return None
    return Drawing(
        line=f"{len(part.missing.patterns)} patterns. Over all of them the synthetic table is "
        f"{beside(part.missing.gap)}.",
        chart=drawn.patterns(part.missing, "missing-patterns"),
        head=("Missing together", "Real", "Synthetic"),
        rows=[
            [drawn.pattern_name(each.columns, others=each.others), share(each.real), share(each.synthetic)]
            for each in part.missing.patterns
        ],
    )
