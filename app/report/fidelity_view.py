"""What the page shows of the fidelity: worst first, each figure beside what a real sample of the same size reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report import charts
from app.report import fidelity_charts as drawn
from app.report.base import Figure
from app.report.closeness_model import Gap, PairPart, ProjectionPart, RocPart, SubgroupsPart
from app.report.fidelity_charts import Bar
from app.report.model import FidelityPart, FindingPart, Marginal, Report, Trends
from app.report.units import NOT_MEASURED, number

WORST = 10
OPEN = 30
"""Columns whose charts are shown; those of the others are folded."""
MAX_TRENDS = 30
MAX_PAIRS = 435
PARITY = "subgroups"
"""The attack that looks at groups of people."""
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
class Drawing:
    """One chart with its table: head, rows, and a sentence."""

    line: str
    chart: Markup
    head: tuple[str, ...]
    rows: list[list[str]]


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
    groups: Drawing | None
    groups_line: str
    parity: Drawing | None
    parity_gone: str
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
    parity = _parity(report.findings)
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
        groups=None if part.subgroups is None else _groups(part.subgroups),
        groups_line="" if part.subgroups is None else _groups_line(part.subgroups),
        parity=parity,
        parity_gone=_parity_gone(report.findings),
        gone=part.not_measured or dict.fromkeys(("pairs", "missing", "projection", "roc", "subgroups"), OLDER),
        both_ways=any(row.trts is not None for row in part.utility),
    )


OLDER = "this document is from before it was measured"


def _excess(column: Marginal) -> float:
    """By how much the column is farther off than a real sample; in older documents, how far it is off."""
    return charts.gap(column) if column.gap is None else column.gap.synthetic - column.gap.floor


def beside(gap: Gap | None, whole: float | None = None) -> str:
    """A distance beside that of a real sample."""
    if gap is None:
        return NOT_MEASURED if whole is None else f"{_share(whole)} off, a real sample: {NOT_MEASURED}"
    return f"{_share(gap.synthetic)} off, a real sample {_share(gap.floor)}"


def _share(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{100 * value:.2f}\u00a0%"


def _withheld(value: float | None) -> str:
    return "withheld" if value is None else _share(value)


def _column(column: Marginal, place: int) -> ColumnView:
    rest = [(each.label, each.real, each.synthetic) for each in column.rest]
    missing = next((each for each in column.rest if each.label == "(missing)"), None)
    gap = column.gap
    spikes = "; ".join(
        f"{each.label}: {_share(each.real)} real, {_share(each.synthetic)} synthetic, {_share(each.floor)} real sample"
        for each in column.spikes
    )
    return ColumnView(
        column=column,
        line=beside(gap, charts.gap(column)),
        chart=charts.marginal(column, f"marginal-{place}"),
        rows=[*zip(column.labels, column.real, column.synthetic, strict=True), *rest],
        cells=[
            column.kind,
            _share(charts.gap(column) if gap is None else gap.synthetic),
            NOT_MEASURED if gap is None else _share(gap.floor),
            number(column.score.value),
            number(column.floor.value),
            _share(0.0 if missing is None else missing.real),
            _share(0.0 if missing is None else missing.synthetic),
            spikes or "none",
        ],
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
        f"{part.pairs.compared:,} pairs were compared; their mean distance is {_share(part.pairs.mean.synthetic)}, "
        f"that of a real sample {_share(part.pairs.mean.floor)}.{left_out}"
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


def figure_text(figure: Figure) -> str:
    """A figure with its interval in one line."""
    if figure.value is None:
        return f"{NOT_MEASURED}: {figure.reason}"
    if figure.lower is None or figure.upper is None:
        return number(figure.value)
    return f"{number(figure.value)} ({number(figure.lower)} to {number(figure.upper)})"


def _roc(part: RocPart) -> Drawing:
    floor: Sequence[float | None] = part.floor or [None] * len(part.false_positives)
    points = list(zip(part.false_positives, part.synthetic, floor, strict=True))
    return Drawing(
        line=f"{part.model.capitalize()} on {part.records:,} records a side. AUC of synthetic against holdout "
        f"{figure_text(part.auc)}, of train against holdout {figure_text(part.floor_auc)}.",
        chart=drawn.roc(part, "roc"),
        head=("Real taken for synthetic", "Synthetic found", "Real sample (train) found"),
        rows=[[_share(x), _share(y), _share(z)] for x, y, z in points[::COLUMNS_OF_ROC]],
    )


def _projection(part: ProjectionPart) -> Drawing:
    first, second = (_share(share) for share in part.explained)
    return Drawing(
        line=f"{part.records:,} records of each table. The two components explain {first} and {second} of the "
        f"variance. The tables are {beside(part.gap)}.",
        chart=drawn.projection(part, "projection"),
        head=("Row from the top", "Column", "Real (train)", "Synthetic"),
        rows=[
            [str(i + 1), str(j + 1), _withheld(real), _share(other)]
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
            [drawn.pattern_name(each.columns, others=each.others), _share(each.real), _share(each.synthetic)]
            for each in part.missing.patterns
        ],
    )


def _groups(part: SubgroupsPart) -> Drawing:
    return Drawing(
        line="Told apart by the detection test within each group (AUC, 95 % interval). The line is one half.",
        chart=drawn.intervals(
            [Bar(name=group.label, figure=group.auc) for group in part.groups],
            title="Detection test by group",
            description=f"{len(part.groups)} groups; all figures are in the table below.",
            middle=0.5,
            salt="groups",
        ),
        head=(
            "Group",
            "Real",
            "Synthetic",
            "Mean distance of columns",
            "of a real sample",
            "Column farthest off",
            "Its distance",
            "of a real sample",
            "C2ST AUC",
            "of a real sample",
            "Right, trained on synthetic",
            "Right, trained on real",
        ),
        rows=[
            [
                group.label,
                *(_share(each) for each in (group.real, group.synthetic, group.gap.synthetic, group.gap.floor)),
                group.worst,
                *(_share(each) for each in (group.worst_gap.synthetic, group.worst_gap.floor)),
                *(figure_text(each) for each in (group.auc, group.auc_floor, group.tstr, group.trtr)),
            ]
            for group in part.groups
        ],
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
        "one group in forty is expected to.",
        chart=drawn.intervals(
            bars,
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
