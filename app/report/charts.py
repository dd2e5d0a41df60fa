"""The charts of one column and of the training. Each reads the document alone; none is the only place of a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import isfinite

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from app.report import plots
from app.report.fidelity_model import Marginal
from app.report.model import Curve, TrainingPart
from app.report.svg import INK, REAL, RULE, SYNTHETIC, drawing, short, to_svg, told_apart
from app.report.units import number

MAX_BARS = 9
"""Categories with a bar of their own in a chart; the table below it has all of them."""
FOLDED = "(other)"
"""The label under which fidelity folds rare categories; it is drawn last."""
WIDTH, HEIGHT = 250.0, 150.0
TOP, BOTTOM, RIGHT = 6.0, 130.0, 240.0


def marginal(column: Marginal, salt: str) -> Markup:
    """The shares of one column, real and synthetic: steps for ordered columns, bars for categories."""
    how = f"{len(column.labels)} {'categories' if column.edges is None else 'bins'}"
    return plots.svg(
        (WIDTH, HEIGHT),
        _bars(column) if column.edges is None else _steps(column, column.edges),
        title=f"Marginal of {short(column.column, 60)}, real and synthetic",
        description=f"{how}; the two differ in {gap(column):.1%} of records. All shares are in the table below.",
        salt=salt,
    )


def gap(column: Marginal) -> float:
    """The total variation distance of the two marginals: the share of records that would have to move."""
    real, synthetic = ([*shares, *rest] for shares, rest in _both(column))
    return sum(abs(r - s) for r, s in zip(real, synthetic, strict=True)) / 2


def _both(column: Marginal) -> tuple[tuple[list[float], list[float]], tuple[list[float], list[float]]]:
    """Shares and rest, of the real table and of the synthetic one."""
    return (
        (column.real, [rest.real for rest in column.rest]),
        (column.synthetic, [rest.synthetic for rest in column.rest]),
    )


def bars(rows: Sequence[tuple[str, float, float]], left: float) -> list[str]:
    """Pairs of bars, one below the other: label, real share, synthetic share. `left` is the room for labels."""
    widest = max([0.01, *(max(real, synthetic) for _, real, synthetic in rows)])
    high = (BOTTOM - TOP) / max(len(rows), 2)
    thick = min(6.0, 0.36 * high)

    def x(share: float) -> float:
        return left + (RIGHT - left) * share / widest

    middles = [TOP + (i + 0.5) * high for i in range(len(rows))]
    at = plots.ticks(0, widest)
    real = [plots.rect(left, y - thick - 0.3, x(row[1]) - left, thick) for row, y in zip(rows, middles, strict=True)]
    synthetic = [plots.rect(left, y + 0.3, x(row[2]) - left, thick) for row, y in zip(rows, middles, strict=True)]
    return [
        plots.group([plots.line([(x(tick), TOP), (x(tick), BOTTOM)]) for tick in at], stroke="rule", width=0.5),
        plots.group(real, fill="real"),
        plots.group(synthetic, fill="synthetic"),
        plots.group(
            [
                plots.text(left - 4, y + 2.7, name, anchor="end")
                for name, y in zip(told_apart([row[0] for row in rows], left - 6, plots.FONT), middles, strict=True)
            ]
            + _below([(x(tick), percent(tick)) for tick in at]),
            fill="muted",
        ),
    ]


def _below(marks: Sequence[tuple[float, str]]) -> list[str]:
    """Names of ticks below the axis; the first and the last stay within the chart."""
    last = len(marks) - 1
    return [
        plots.text(x, BOTTOM + 11, name, anchor="end" if i == last and x > RIGHT - 14 else "middle")
        for i, (x, name) in enumerate(marks)
    ]


def _bars(column: Marginal) -> list[str]:
    return bars(_longest(column), 84.0)


def _longest(column: Marginal) -> list[tuple[str, float, float]]:
    """The most frequent categories, and one line for all others together."""
    rows = list(zip(column.labels, column.real, column.synthetic, strict=True))
    rows.sort(key=lambda row: (row[0] == FOLDED, -max(row[1:])))
    if len(rows) > MAX_BARS:
        rest = rows[MAX_BARS - 1 :]
        further = (f"{len(rest)} further", sum(row[1] for row in rest), sum(row[2] for row in rest))
        rows = [*rows[: MAX_BARS - 1], further]
    return rows + [(each.label, each.real, each.synthetic) for each in column.rest]


def _steps(column: Marginal, edges: Sequence[float]) -> list[str]:
    """Shares by bin. The share of a bin that was joined from several is spread over its width, as in any histogram."""
    left = 34.0
    is_drawable = all(a < b for a, b in pairwise(edges)) and isfinite(edges[-1] - edges[0])
    if not is_drawable:
        # Bounds that floating point cannot tell apart: the bins are drawn side by side.
        edges = [float(i) for i in range(len(edges))]
    widths = [b - a for a, b in pairwise(edges)]
    usual = sorted(widths)[len(widths) // 2]
    real, synthetic = (
        [share * (usual / width) for share, width in zip(shares, widths, strict=True)]
        for shares in (column.real, column.synthetic)
    )
    highest = 1.06 * max(0.01, *real, *synthetic)

    def x(value: float) -> float:
        return left + (RIGHT - left) * (value - edges[0]) / (edges[-1] - edges[0])

    def y(share: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * share / highest

    places = [x(edge) for edge in edges]
    drawn = [plots.steps(places, [y(share) for share in shares], BOTTOM) for shares in (real, synthetic)]
    at = plots.ticks(0, highest)
    return [
        plots.group([plots.line([(left, y(tick)), (RIGHT, y(tick))]) for tick in at], stroke="rule", width=0.5),
        plots.group([drawn[0]], fill="real", stroke="real", width=1.3, more="; fill-opacity: .2"),
        plots.group([drawn[1]], stroke="synthetic", width=1.3, more="; stroke-dasharray: 3 1.2"),
        plots.group(
            [plots.text(left - 4, y(tick) + 2.7, percent(tick), anchor="end") for tick in at]
            + _edge_names(column, edges, x, is_number=is_drawable and column.kind != "datetime"),
            fill="muted",
        ),
    ]


def _edge_names(
    column: Marginal, edges: Sequence[float], place: Callable[[float], float], *, is_number: bool
) -> list[str]:
    """Round numbers, or the bounds at the ends and in the middle."""
    if is_number:
        return _below([(place(tick), number(tick)) for tick in plots.ticks(edges[0], edges[-1], 5)])
    labels = column.edge_labels or []
    middle = min(range(len(edges)), key=lambda i: abs(edges[i] - (edges[0] + edges[-1]) / 2))
    shown = [("start", 0), ("middle", middle), ("end", len(edges) - 1)]
    kept = [each for each in shown if each[0] != "middle" or 0 < middle < len(edges) - 1]
    room = (RIGHT - 34.0) / len(kept) - 4
    return [plots.label(place(edges[i]), BOTTOM + 11, labels[i], room, anchor=anchor) for anchor, i in kept]


def training(part: TrainingPart, salt: str) -> Markup:
    """Losses and validation metrics over the generator's steps, one panel for each group that has any."""
    groups = [(name, curves) for name, curves in (("loss", part.losses), ("metric", part.metrics)) if curves]
    with drawing(salt):
        figure = Figure(figsize=(7.2, 2.6))
        for place, (name, curves) in enumerate(groups):
            width = 0.87 if len(groups) == 1 else 0.385
            axes = figure.add_axes((0.08 + place * 0.5, 0.2, width, 0.66))
            _lines(axes, curves)
            axes.set_title(
                "Losses" if name == "loss" else "Validation metric", loc="left", color=INK, fontweight="bold"
            )
        lines = [curve for _, curves in groups for curve in curves]
        return to_svg(
            figure,
            title="Training curve",
            description="; ".join(
                f"{curve.name}: {number(curve.values[0])} at step {curve.steps[0]}, "
                f"{number(curve.values[-1])} at step {curve.steps[-1]}"
                for curve in lines
            ),
            salt=salt,
        )


def _lines(axes: Axes, curves: Sequence[Curve]) -> None:
    for curve, colour, dash in zip(
        curves, (REAL, SYNTHETIC, "#009e73", "#5b6875") * 3, ("-", "--", "-.", ":") * 3, strict=False
    ):
        axes.plot(curve.steps, curve.values, dash, color=colour, linewidth=1.4, label=short(curve.name, 26))
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("generator step")
    axes.legend(loc="best", fontsize=7, handlelength=2.2)
    axes.grid(visible=True, axis="y", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)


def percent(value: float, _place: object = None) -> str:
    """A share for an axis."""
    return f"{100 * value:g}%" if abs(100 * value) < 0.01 else f"{round(100 * value, 2):g}%"
