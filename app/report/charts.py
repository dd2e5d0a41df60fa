"""The charts of the report page, as inline SVG. Each reads the document alone; none is the only place of a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from app.report.model import Curve, Marginal, TrainingPart, Trends
from app.report.svg import INK, MUTED, REAL, RULE, SYNTHETIC, drawing, fitted, short, to_svg
from app.report.units import number

COLOURS = 33
"""Steps of a colour scale; odd, so that zero has its own. With 50 or more matplotlib draws the scale as a bitmap."""
MAX_BARS = 9
"""Categories with a bar of their own in a chart; the table below it has all of them."""
FOLDED = "(other)"
"""The label under which fidelity folds rare categories; it is drawn last."""


def marginal(column: Marginal, salt: str) -> Markup:
    """The shares of one column, real and synthetic: steps for ordered columns, bars for categories."""
    with drawing(salt):
        figure = Figure(figsize=(3.4, 2.1))
        if column.edges is None:
            axes = figure.add_axes((0.33, 0.15, 0.62, 0.81))
            _bars(axes, column)
        else:
            axes = figure.add_axes((0.12, 0.15, 0.83, 0.81))
            _steps(axes, column)
        how = f"{len(column.labels)} {'categories' if column.edges is None else 'bins'}"
        return to_svg(
            figure,
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


def _bars(axes: Axes, column: Marginal) -> None:
    labels, real, synthetic = _longest(column)
    places = np.arange(len(labels))
    axes.barh(places - 0.19, real, 0.36, color=REAL)
    axes.barh(places + 0.19, synthetic, 0.36, color=SYNTHETIC)
    axes.set_yticks(places, [fitted(label, 74, 7) for label in labels])
    axes.set_ylim(max(len(labels), 2) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(_percent))
    axes.tick_params(axis="y", length=0)
    _grid(axes, "x")


def _longest(column: Marginal) -> tuple[list[str], list[float], list[float]]:
    """The most frequent categories, and one line for all others together."""
    sizes = [max(pair) for pair in zip(column.real, column.synthetic, strict=True)]
    order = sorted(range(len(sizes)), key=lambda i: (column.labels[i] == FOLDED, -sizes[i]))
    if len(order) <= MAX_BARS:
        kept, rest = order, []
    else:
        kept, rest = order[: MAX_BARS - 1], order[MAX_BARS - 1 :]
    labels = [column.labels[i] for i in kept]
    real, synthetic = ([shares[i] for i in kept] for shares in (column.real, column.synthetic))
    if rest:
        labels.append(f"{len(rest)} further")
        real.append(sum(column.real[i] for i in rest))
        synthetic.append(sum(column.synthetic[i] for i in rest))
    labels += [each.label for each in column.rest]
    return labels, real + _both(column)[0][1], synthetic + _both(column)[1][1]


def _steps(axes: Axes, column: Marginal) -> None:
    """Shares by bin. The share of a bin that was joined from several is spread over its width, as in any histogram."""
    edges = np.asarray(column.edges, dtype=np.float64)
    is_drawable = bool((np.diff(edges) > 0).all())
    if not is_drawable:
        # Bounds that floating point cannot tell apart: the bins are drawn side by side.
        edges = np.arange(len(edges), dtype=np.float64)
    widths = np.diff(edges)
    real, synthetic = (np.asarray(shares) * np.median(widths) / widths for shares in (column.real, column.synthetic))
    axes.add_patch(StepPatch(real, edges, baseline=0, facecolor=REAL, alpha=0.2, fill=True, edgecolor="none"))
    for shares, colour, dash in ((real, REAL, "-"), (synthetic, SYNTHETIC, (0, (3, 1.2)))):
        axes.add_patch(
            StepPatch(shares, edges, baseline=0, edgecolor=colour, fill=False, linewidth=1.3, linestyle=dash)
        )
    axes.set_xlim(float(edges[0]), float(edges[-1]))
    axes.set_ylim(0, 1.06 * max(0.01, float(real.max()), float(synthetic.max())))
    if is_drawable and column.kind != "datetime":
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    else:
        _name_edges(axes, column.edge_labels or [], edges)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    _grid(axes, "y")


def _name_edges(axes: Axes, labels: Sequence[str], edges: NDArray[np.float64]) -> None:
    """The bounds that are nearest to the ends and to the middle."""
    shown = np.unique(np.abs(edges[:, None] - np.linspace(edges[0], edges[-1], 3)).argmin(axis=0))
    axes.set_xticks(edges[shown], [labels[i] for i in shown])
    sides = ("left", "center", "right") if len(shown) == 3 else ("left", "right")
    for label, side in zip(axes.get_xticklabels(), sides, strict=False):
        label.set(horizontalalignment=side)


def trends(matrix: Sequence[Sequence[float | None]], columns: Sequence[str], *, what: str, salt: str) -> Markup:
    """A heat map of how columns go together; a hatched cell was not measured."""
    values = np.array([[np.nan if cell is None else cell for cell in row] for row in matrix], dtype=float)
    with drawing(salt):
        figure = Figure(figsize=(4.4, 4.5))
        axes = figure.add_axes((0.235, 0.05, 0.745, 0.728))
        is_difference = what == "difference"
        reach = max(0.1, float(np.nanmax(np.abs(values), initial=0.0))) if is_difference else 1.0
        lowest = float(np.nanmin(values, initial=0.0))
        diverging = is_difference or lowest < 0
        size = len(columns)
        mesh = axes.pcolormesh(
            np.ma.masked_invalid(values),
            cmap=colormaps["PuOr" if diverging else "Blues"].resampled(COLOURS),
            vmin=-reach if diverging else 0.0,
            vmax=reach,
            edgecolors="white",
            linewidth=0.6 if size <= 20 else 0.3,
        )
        axes.set_facecolor("#e9ecef")
        _name_cells(axes, columns)
        bar = figure.colorbar(mesh, cax=figure.add_axes((0.4, 0.022, 0.41, 0.014)), orientation="horizontal")
        bar.ax.xaxis.set_major_locator(MaxNLocator(4))
        bar.ax.tick_params(labelsize=6.5, length=0, pad=-6.8, labelcolor=INK)
        bar.ax.set_axis_off()
        for place, text in ((0.39, number(-reach if diverging else 0.0)), (0.82, number(reach))):
            figure.text(place, 0.029, text, fontsize=7, color=MUTED, va="center", ha="right" if place < 0.5 else "left")
        worst = float(np.nanmean(np.abs(values))) if np.isfinite(values).any() else 0.0
        return to_svg(
            figure,
            title=f"Pair trends, {what}",
            description=f"{size} columns by {size}; mean absolute value {worst:.3f}. All cells are in the table below.",
            salt=salt,
        )


def _name_cells(axes: Axes, columns: Sequence[str]) -> None:
    size = len(columns)
    places, font = np.arange(size) + 0.5, 7.5 if size <= 16 else 6.0 if size <= 24 else 5.2
    axes.set_xticks(places, [fitted(name, 66, font, pinch=True) for name in columns], rotation=90, fontsize=font)
    axes.set_yticks(places, [fitted(name, 70, font, pinch=True) for name in columns], fontsize=font)
    axes.tick_params(length=0, pad=2, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.invert_yaxis()
    for spine in axes.spines.values():
        spine.set_visible(False)


def difference(matrices: Trends) -> list[list[float | None]]:
    """Synthetic minus real, cell by cell; None where either is missing."""
    return [
        [None if r is None or s is None else s - r for r, s in zip(real, synthetic, strict=True)]
        for real, synthetic in zip(matrices.real, matrices.synthetic, strict=True)
    ]


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
    _grid(axes, "y")


def _grid(axes: Axes, axis: str) -> None:
    axes.grid(visible=True, axis="x" if axis == "x" else "y", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)


def _percent(value: float, _place: object = None) -> str:
    return f"{100 * value:g}%" if abs(100 * value) < 0.01 else f"{round(100 * value, 2):g}%"
