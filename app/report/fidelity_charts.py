"""The charts of pairs, patterns, the detection test and groups. Each reads the document alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report import plots
from app.report.base import Figure
from app.report.charts import bars, percent
from app.report.closeness_model import MissingPart, PairPart, ProjectionPart, RocPart
from app.report.fidelity_model import Trends
from app.report.svg import short, told_apart, width
from app.report.units import NOTHING_MISSING, number

Grid = Sequence[Sequence[float | None]]
RARER = "(rarer patterns)"


def trends(matrix: Grid, columns: Sequence[str], *, what: str, reach: float, salt: str) -> Markup:
    """A heat map of how columns go together; a crossed cell was not measured. `reach` is the darkest cell."""
    size, left, top, side = len(columns), 84.0, 84.0, 190.0
    cell = side / max(size, 1)
    small = min(plots.FONT, max(4.2, 0.92 * cell))
    names = told_apart(columns, 78 * plots.FONT / small, plots.FONT)
    across = [
        plots.text(left + (i + 0.5) * cell + small * 0.33, top - 4, name, turned=True) for i, name in enumerate(names)
    ]
    down = [
        plots.text(left - 4, top + (i + 0.5) * cell + small * 0.33, name, anchor="end") for i, name in enumerate(names)
    ]
    signed = what.startswith("difference") or any(each is not None and each < 0 for row in matrix for each in row)
    measured = [abs(each) for row in matrix for each in row if each is not None]
    mean = sum(measured) / len(measured) if measured else 0.0
    return plots.svg(
        (left + side + 4, top + side + 22),
        [
            *plots.shaded(matrix, (left, top), (cell, cell), reach, signed=signed),
            plots.frame(left, top, side, side),
            plots.group([*across, *down], fill="muted", more=f"; font-size: {small:.1f}px"),
            *_scale((left + side * 0.25, top + side + 8), side * 0.5, reach, signed=signed),
        ],
        title=f"Pair trends, {what}",
        description=f"{size} columns by {size}; mean absolute value {mean:.3f}. All cells are in the table below.",
        salt=salt,
    )


def _scale(at: tuple[float, float], wide: float, reach: float, *, signed: bool) -> list[str]:
    """What the shades mean, from one end to the other."""
    low = -reach if signed else 0.0
    values = [low + (reach - low) * (i + 0.5) / 2 / plots.SHADES for i in range(2 * plots.SHADES)]
    ends = [
        plots.text(at[0] - 4, at[1] + 8, number(low), anchor="end"),
        plots.text(at[0] + wide + 4, at[1] + 8, number(reach)),
    ]
    cell = (wide / len(values), 9.0)
    return [*plots.shaded([values], at, cell, reach, signed=signed), plots.group(ends, fill="muted")]


def pair(part: PairPart, salt: str) -> Markup:
    """The joint distribution of two columns in both tables; a crossed cell is withheld."""
    top, wide, high, apart = 26.0, 84.0, 96.0, 8.0
    beside = told_apart(part.rows, 94, plots.FONT)
    left = 8 + max([58.0, *(width(name, plots.FONT) for name in beside)])
    cell = (wide / max(len(part.columns), 1), high / max(len(part.rows), 1))
    reach = max([1e-9, *(each for grid in (part.real, part.synthetic) for row in grid for each in row if each)]) ** 0.5
    drawn: list[str] = []
    below = told_apart(part.columns, 84, plots.FONT)
    deep = 8 + max((width(name, plots.FONT) for name in below), default=0.0)
    names = [plots.text(left - 4, top + (i + 0.5) * cell[1] + 2.7, name, anchor="end") for i, name in enumerate(beside)]
    for place, (title, grid) in enumerate((("real", part.real), ("synthetic", part.synthetic))):
        x = left + place * (wide + apart)
        rooted = [[None if share is None else share**0.5 for share in row] for row in grid]
        drawn += [*plots.shaded(rooted, (x, top), cell, reach), plots.frame(x, top, wide, high)]
        names.append(plots.text(x + wide / 2, 10, title, anchor="middle"))
        names += [
            plots.text(x + (j + 0.5) * cell[0] + 2.7, top + high + 4, name, anchor="end", turned=True)
            for j, name in enumerate(below)
        ]
    names += [plots.label(2, 21, part.first, left - 6)]
    names += [plots.label(left, 21, part.second, 2 * wide + apart)]
    first, second = (short(name, 40) for name in (part.first, part.second))
    return plots.svg(
        (left + 2 * wide + apart + 4, top + high + deep),
        [*drawn, plots.group(names, fill="muted")],
        title=f"{first} with {second}, real beside synthetic",
        description=f"{len(part.rows)} by {len(part.columns)} levels; together the two columns differ in "
        f"{part.gap.synthetic:.1%} of records, of a real sample in {part.gap.floor:.1%}. "
        "All shares are in the table below.",
        salt=salt,
    )


def projection(part: ProjectionPart, salt: str) -> Markup:
    """Where the records of both tables lie; a crossed cell is withheld, or empty."""
    side, apart, top = 114.0, 8.0, 14.0
    reach = max([1e-9, *(each for grid in (part.real, part.synthetic) for row in grid for each in row if each)]) ** 0.5
    cell = side / max(len(part.real), 1)
    drawn: list[str] = []
    for place, (title, grid) in enumerate((("real (train)", part.real), ("synthetic", part.synthetic))):
        x = 16 + place * (side + apart)
        rooted = [[None if share is None else share**0.5 for share in row] for row in grid]
        shown = [[0.0 if share is None else share for share in row] for row in rooted]
        drawn += [*plots.shaded(shown, (x, top), (cell, cell), reach), plots.frame(x, top, side, side)]
        drawn.append(
            plots.group(
                [
                    plots.text(x + side / 2, 10, title, anchor="middle"),
                    plots.text(x + side / 2, top + side + 11, "first component", anchor="middle"),
                ],
                fill="muted",
            )
        )
    drawn.append(plots.group([plots.text(11, top + side / 2 + 34, "second component", turned=True)], fill="muted"))
    return plots.svg(
        (16 + 2 * side + apart + 4, top + side + 16),
        drawn,
        title="Records of both tables on two principal components",
        description=f"{len(part.real)} by {len(part.real)} cells; the tables differ in "
        f"{part.gap.synthetic:.1%} of records, "
        f"a real sample in {part.gap.floor:.1%}. The shares of the cells are in the table below.",
        salt=salt,
    )


def roc(part: RocPart, salt: str) -> Markup:
    """The ROC curve of the detection test, with that of real records beside it."""
    left, top, side = 46.0, 6.0, 150.0

    def at(x: float, y: float) -> tuple[float, float]:
        return left + side * x, top + side * (1 - y)

    marks = (0.0, 0.25, 0.5, 0.75, 1.0)
    curves = [plots.group([plots.line([at(0, 0), at(1, 1)])], stroke="rule", width=0.8)]
    if part.floor is not None:
        curve = [at(0, 0), *(at(x, y) for x, y in zip(part.false_positives, part.floor, strict=True))]
        curves.append(plots.group([plots.line(curve)], stroke="real", width=1.3))
    curve = [at(0, 0), *(at(x, y) for x, y in zip(part.false_positives, part.synthetic, strict=True))]
    curves.append(plots.group([plots.line(curve)], stroke="synthetic", width=1.5, more="; stroke-dasharray: 3 1.2"))
    names = [plots.text(at(0, y)[0] - 4, at(0, y)[1] + 2.7, percent(y), anchor="end") for y in marks]
    names += [plots.text(at(x, 0)[0], top + side + 11, percent(x), anchor="middle") for x in marks]
    names += [plots.text(left + side / 2, top + side + 22, "real records taken for synthetic", anchor="middle")]
    names += [plots.text(9, top + side / 2 + 46, "synthetic records found", turned=True)]
    return plots.svg(
        (left + side + 14, top + side + 26),
        [
            plots.group([plots.line([at(x, 0), at(x, 1)]) for x in marks], stroke="rule", width=0.4),
            plots.frame(left, top, side, side),
            *curves,
            plots.group(names, fill="muted"),
        ],
        title="ROC curve of the detection test",
        description=f"AUC of synthetic against real records {number(part.auc.value)}, of real against real "
        f"{number(part.floor_auc.value)}. Points of both curves are in the table below.",
        salt=salt,
    )


def patterns(part: MissingPart, salt: str) -> Markup:
    """How many records miss the same columns."""
    return plots.svg(
        (250.0, 150.0),
        bars(
            [(pattern_name(each.columns, others=each.others), each.real, each.synthetic) for each in part.patterns],
            92.0,
        ),
        title="Patterns of missing cells, real and synthetic",
        description=f"{len(part.patterns)} patterns; the tables differ in {part.gap.synthetic:.2%} of records, "
        f"a real sample in {part.gap.floor:.2%}. All shares are in the table below.",
        salt=salt,
    )


def pattern_name(columns: Sequence[str], *, others: bool) -> str:
    """What a pattern is called."""
    if others:
        return RARER
    return " + ".join(columns) or NOTHING_MISSING


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One figure with its interval, its name, and what a real sample reaches."""

    name: str
    figure: Figure
    floor: Figure | None = None


def intervals(rows: Sequence[Bar], *, title: str, description: str, middle: float, salt: str) -> Markup:
    """Figures one below the other, each a point with its interval, about a line at `middle`."""
    shown = told_apart([each.name for each in rows], 132, plots.FONT)
    left = 8 + max((width(name, plots.FONT) for name in shown), default=0.0)
    right, top = left + 154, 4.0
    high = 18.0 if any(each.floor for each in rows) else 13.0
    figures = [figure for each in rows for figure in (each.figure, each.floor) if figure is not None]
    ends = [end for each in figures for end in (each.lower, each.value, each.upper) if end is not None]
    reach = max([0.05, *(abs(end - middle) for end in ends)])
    bottom = top + high * len(rows)

    def x(value: float) -> float:
        return left + (right - left) * (value - middle + reach) / (2 * reach)

    def points(row: int, figure: Figure | None, shift: float) -> list[str]:
        if figure is None or figure.value is None:
            return []
        y, low, up = top + (row + 0.5) * high + shift, figure.lower, figure.upper
        span = [] if low is None or up is None else [plots.line([(x(low), y), (x(up), y)])]
        return [*span, f'<circle cx="{x(figure.value):.1f}" cy="{y:.1f}" r="2.2"/>']

    at = plots.ticks(middle - reach, middle + reach)
    names = [plots.text(left - 6, top + (i + 0.5) * high + 2.7, name, anchor="end") for i, name in enumerate(shown)]
    mine = [part for i, each in enumerate(rows) for part in points(i, each.figure, -3.0 if each.floor else 0.0)]
    real = [part for i, each in enumerate(rows) for part in points(i, each.floor, 3.0)]
    return plots.svg(
        (right + 14, bottom + 16),
        [
            plots.group([plots.line([(x(tick), top), (x(tick), bottom)]) for tick in at], stroke="rule", width=0.5),
            plots.group([plots.line([(x(middle), top), (x(middle), bottom)])], stroke="muted", width=0.8),
            plots.group(mine, fill="synthetic", stroke="synthetic", width=1.3),
            plots.group(real, fill="real", stroke="real", width=1.3),
            plots.group(
                [*names, *(plots.text(x(tick), bottom + 11, number(tick), anchor="middle") for tick in at)],
                fill="muted",
            ),
        ],
        title=title,
        description=description,
        salt=salt,
    )


def difference(first: Grid, second: Grid) -> list[list[float | None]]:
    """The second minus the first, cell by cell; None where either is missing."""
    return [
        [None if a is None or b is None else b - a for a, b in zip(row, other, strict=True)]
        for row, other in zip(first, second, strict=True)
    ]


def farthest(*matrices: Grid) -> float:
    """The largest absolute value of all, at least a tenth: one scale for maps that are looked at together."""
    return max([0.1, *(abs(cell) for matrix in matrices for row in matrix for cell in row if cell is not None)])


def maps(part: Trends) -> list[tuple[str, str, Grid, float]]:
    """Title, name, matrix and reach of each heat map: both differences on one scale."""
    gaps = difference(part.real, part.synthetic)
    floor = None if part.holdout is None else difference(part.real, part.holdout)
    reach = farthest(gaps, *([] if floor is None else [floor]))
    found: list[tuple[str, str, Grid, float]] = [
        ("Real", "real", part.real, 1.0),
        ("Synthetic", "synthetic", part.synthetic, 1.0),
        ("Difference (synthetic minus real)", "difference", gaps, reach),
    ]
    if floor is not None:
        found.append(("Difference of a real sample (holdout minus real)", "difference of a real sample", floor, reach))
    return found
