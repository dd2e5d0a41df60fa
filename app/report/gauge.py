"""A finding drawn small: its interval on the way from the baseline to the limit. Needs no drawing library."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from app.report.units import in_unit

WIDTH, HEIGHT = 150, 20
LEFT, RIGHT = -0.6, 1.8
"""What is shown, in steps from the baseline (0) to the limit (1). What lies beyond ends in an arrow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A figure with its interval, and what it is held against."""

    title: str
    unit: str
    value: float
    lower: float
    upper: float
    baseline: float
    limit: float
    block: float | None = None
    """The limit for blocking, where that is another one."""

    @property
    def interval(self) -> str:
        """The interval in its unit."""
        return f"{in_unit(self.lower, self.unit)} to {in_unit(self.upper, self.unit)}"

    @property
    def said(self) -> str:
        """Figure, interval and limit in one line."""
        figure, limit = in_unit(self.value, self.unit), in_unit(self.limit, self.unit)
        return f"{figure} (95 % interval {self.interval}), limit {limit}"


def place(measured: Measured, value: float) -> float:
    """Where a value lies on the way from the baseline (0) to the limit (1)."""
    way = measured.limit - measured.baseline
    return (value - measured.baseline) / way if way else float(value > measured.limit) * 2


def gauge(measured: Measured) -> Markup:
    """The drawing, an inline SVG in the colours of the page. Everything in it stands beside it in words."""
    low, middle, high = (place(measured, value) for value in (measured.lower, measured.value, measured.upper))
    css = "over" if high > 1 else "within"
    block = "" if measured.block is None else _line("bar", place(measured, measured.block))
    parts = (
        f'<rect class="beyond" x="{_x(1):.1f}" y="0" width="{WIDTH - _x(1):.1f}" height="{HEIGHT}"/>',
        _line("base", 0),
        _line("limit", 1),
        block,
        f'<path class="{css}" d="M{_x(low):.1f} 10H{max(_x(high), _x(low) + 1):.1f}"/>',
        _arrow(css, low, high),
        f'<circle class="{css}" cx="{_x(middle):.1f}" cy="10" r="3.6"/>' if LEFT <= middle <= RIGHT else "",
    )
    return Markup('<svg class="gauge" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH,
        HEIGHT,
        f"{measured.title}: {measured.said}",
        Markup("".join(parts)),  # noqa: S704 - numbers and our own names
    )


def _x(at: float) -> float:
    return WIDTH * (min(max(at, LEFT), RIGHT) - LEFT) / (RIGHT - LEFT)


def _line(css: str, at: float) -> str:
    return f'<path class="{css}" d="M{_x(at):.1f} 1V{HEIGHT - 1}"/>' if LEFT <= at <= RIGHT else ""


def _arrow(css: str, low: float, high: float) -> str:
    left = f'<path class="{css} tip" d="M6 5L1 10l5 5M1 10H14"/>' if low < LEFT else ""
    right = f'<path class="{css} tip" d="M{WIDTH - 6} 5l5 5-5 5M{WIDTH - 14} 10h13"/>' if high > RIGHT else ""
    return left + right
