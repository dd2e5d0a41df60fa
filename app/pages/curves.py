"""How a training goes, drawn small: losses and errors against the step. Needs no drawing library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.orm import Json
from app.report.units import number

WIDTH, HEIGHT = 480, 200
LEFT, RIGHT, TOP, BOTTOM = 80, 10, 14, 30
MOST_POINTS = 160
"""A line has no more: there is no room to see them."""
LINES = 4
"""A drawing has no more; each has a dash of its own."""
ERRORS: Mapping[str, str] = {"one_way_error": "single columns", "two_way_error": "pairs of columns"}
LOSSES: Mapping[str, str] = {"tables": "pairs of columns", "critic": "critic", "condition": "condition"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One figure against the step."""

    name: str
    points: Sequence[tuple[float, float]]

    @property
    def last(self) -> str:
        """The last value, for people."""
        return number(self.points[-1][1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """A drawing with its lines, which also stand in a table."""

    title: str
    lines: Sequence[Line]
    drawing: Markup
    rows: Sequence[tuple[str, Sequence[str]]]
    """Some steps with the value of each line; empty where a line has none there."""


def curves(course: Sequence[Json]) -> list[Curve]:
    """The curves of a training: its error against the real table, and its losses. Those that have two points."""
    drawn = (
        _curve("error", "Difference from the real table", ERRORS, course),
        _curve("loss", "Losses of the training", LOSSES, course),
    )
    return [curve for curve in drawn if curve is not None]


def _curve(key: str, title: str, names: Mapping[str, str], course: Sequence[Json]) -> Curve | None:
    lines = [Line(name=word, points=points) for name, word in names.items() if len(points := _points(name, course)) > 1]
    if not lines:
        return None
    lines = lines[:LINES]
    return Curve(title=title, lines=lines, drawing=_draw(key, title, lines), rows=_rows(lines))


def _points(name: str, course: Sequence[Json]) -> list[tuple[float, float]]:
    """(step, value), once for each step; later events take the place of earlier ones, as where a training goes on."""
    found: dict[float, float] = {}
    for each in course:
        figures = each.get("figures", {})
        step, value = figures.get("step"), figures.get(name)
        if each.get("stage") == "train" and _is_number(step) and _is_number(value):
            found[float(step)] = float(value)
    points = sorted(found.items())
    every = max(1, len(points) // MOST_POINTS)
    return points[::every] + ([points[-1]] if points and (len(points) - 1) % every else [])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _draw(key: str, title: str, lines: Sequence[Line]) -> Markup:
    most_x = max(point[0] for line in lines for point in line.points) or 1.0
    values = [point[1] for line in lines for point in line.points]
    low, high = min(0.0, *values), max(0.0, *values)
    high = high if high > low else low + 1.0
    floor = HEIGHT - BOTTOM

    def height(value: float) -> float:
        return floor - (floor - TOP) * (value - low) / (high - low)

    def at(point: tuple[float, float]) -> str:
        return f"{LEFT + (WIDTH - LEFT - RIGHT) * point[0] / most_x:.1f},{height(point[1]):.1f}"

    paths = Markup("").join(
        Markup('<polyline class="line-{}" points="{}"/>').format(place, " ".join(map(at, line.points)))
        for place, line in enumerate(lines)
    )
    said = "; ".join(f"{line.name} from {number(line.points[0][1])} to {line.last}" for line in lines)
    return Markup(
        '<svg class="curve" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{k}-title {k}-desc">'
        '<title id="{k}-title">{title}</title><desc id="{k}-desc">{said}</desc>'
        '<path class="grid-line" d="M{l} {t}H{r}M{l} {m}H{r}M{l} {f}H{r}"/>'
        '<path class="axis" d="M{l} {t}V{f}M{l} {z:.1f}H{r}"/>{paths}'
        '<text x="{tx}" y="{t4}" text-anchor="end">{top}</text><text x="{tx}" y="{m4}" text-anchor="end">{half}</text>'
        '<text x="{tx}" y="{f}" text-anchor="end">{bottom}</text><text x="{l}" y="{b}">step 0</text>'
        '<text x="{r}" y="{b}" text-anchor="end">{last}</text></svg>'
    ).format(
        w=WIDTH,
        h=HEIGHT,
        k=f"curve-{key}",
        title=title,
        said=said,
        l=LEFT,
        t=TOP,
        f=floor,
        r=WIDTH - RIGHT,
        m=(TOP + floor) / 2,
        paths=paths,
        tx=LEFT - 6,
        t4=TOP + 4,
        m4=(TOP + floor) / 2 + 4,
        z=height(0.0),
        top=number(high),
        half=number((low + high) / 2),
        bottom=number(low),
        b=HEIGHT - 8,
        last=f"step {number(most_x)}",
    )


def _rows(lines: Sequence[Line], most: int = 12) -> list[tuple[str, list[str]]]:
    steps = sorted({step for line in lines for step, _ in line.points})
    every = max(1, len(steps) // most)
    chosen = dict.fromkeys([*steps[::every], steps[-1]])
    values = [dict(line.points) for line in lines]
    return [(number(step), [number(each[step]) if step in each else "" for each in values]) for step in chosen]
